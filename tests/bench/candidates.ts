/** What is compared: each candidate forwards to one upstream and exchanges the credential. */

import { createTokenValue } from "../../src/auth/token_value.ts";
import type { Rules } from "../../src/principal.ts";
import { openStore } from "../../src/storage/open.ts";
import { auditRow, projectRow, tokenRow } from "../support/data/rows.ts";
import { exists, output } from "./process.ts";

export interface Candidate {
  readonly name: string;
  /** Why it cannot take part; undefined: it can. */
  readonly missing?: string;
  readonly command: (listen: string, upstream: string) => Promise<CandidateCommand>;
  /** Put before the upstream's path. */
  readonly prefix?: string;
  /** Only plain JSON can be asked of it. */
  readonly jsonOnly?: boolean;
  /** Further request headers, given the upstream. */
  readonly headers?: (upstream: string) => Record<string, string>;
}

export interface CandidateCommand {
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  /** What clients present, if not the usual token. */
  readonly token?: string;
}

export const TOKEN = "bench-token-of-the-proxy";
const ROOT = new URL("../../", import.meta.url).pathname;
const PEERS = `${ROOT}tests/bench/peers`;
const CA = `${ROOT}tests/support/tls/ca.pem`;

/** This proxy, as `deno task start` runs it. */
export function ownCandidate(): Candidate {
  return {
    name: "llm-proxy",
    prefix: "/openai",
    command: (listen, upstream) => Promise.resolve({ args: OWN_ARGS, env: ownEnv(listen, upstream) }),
  };
}

/** This proxy with `engine = "deno"`. */
export function denoEngineCandidate(): Candidate {
  return {
    name: "llm-proxy, Deno.serve",
    prefix: "/openai",
    command: (listen, upstream) =>
      Promise.resolve({ args: OWN_ARGS, env: { ...ownEnv(listen, upstream), SERVER_ENGINE: "deno" } }),
  };
}

const OWN_ARGS = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-prompt",
  "--config",
  `${ROOT}deno.json`,
  "-P=run",
  "--v8-flags=--min-semi-space-size=4,--max-semi-space-size=4",
  `${ROOT}src/main.ts`,
];

function ownEnv(listen: string, upstream: string): Record<string, string> {
  const [host = "", port = ""] = listen.split(":");
  return {
    ENDPOINTS: "openai",
    OPENAI_BASE_URL: `${upstream}/v1`,
    OPENAI_API_KEY: "upstream-key",
    PROXY_TOKEN: TOKEN,
    HOST: host,
    PORT: port,
    ACCESS_LOG: "1",
    DENO_CERT: CA,
  };
}

/** The same with a managed token, limits on it and on its project, usage, cost and metrics. `more` are further rules. */
export function managedCandidate(folder: string, more: Rules = {}): Candidate {
  return {
    name: "llm-proxy, managed",
    prefix: "/openai",
    async command(listen, upstream) {
      const own = `${folder}/managed-${listen.split(":")[1]}`;
      const config = `${own}/config.toml`;
      const store = await openStore(`sqlite:${own}/bench.db`);
      const rules = {
        requestsPerMinute: 1e9,
        tokensPerMinute: 1e12,
        concurrentRequests: 1e5,
        totalBudgetMicros: 1e15,
        ...more,
      };
      const token = createTokenValue();
      await store.addProject(projectRow("prj_1", { rules }), auditRow("project.create", "prj_1"));
      await store.addToken(
        tokenRow("tok_1", "prj_1", { value: token, rules }),
        auditRow("token.create", "tok_1"),
      );
      store.close();
      await Deno.writeTextFile(config, '[endpoints.openai]\nprice_provider = "openai"\n');
      return {
        args: OWN_ARGS,
        token,
        env: {
          ...ownEnv(listen, upstream),
          CONFIG_PATH: config,
          MANAGEMENT_TOKEN: "bench-management-token",
          DATABASE_URL: `sqlite:${own}/bench.db`,
        },
      };
    },
  };
}

/** All candidates. `folder` is for what has to be built or installed first. */
export async function candidates(folder: string, { quick }: { quick: boolean }): Promise<Candidate[]> {
  const ours = ownCandidate();
  const nginx: Candidate = {
    name: "nginx",
    ...await needs("nginx"),
    async command(listen, upstream) {
      const { protocol, host } = new URL(upstream);
      const file = `${folder}/nginx-proxy-${listen.split(":")[1]}.conf`;
      await Deno.writeTextFile(
        file,
        `master_process off; daemon off; error_log /dev/null; pid ${file}.pid; worker_rlimit_nofile 30000;
events { worker_connections 16384; }
http { access_log /dev/null; keepalive_requests 1000000000; client_max_body_size 0;
upstream up { server ${host}; keepalive 2048; keepalive_requests 1000000000; }
server { listen ${listen} backlog=4096; location / { proxy_pass ${protocol}//up; proxy_http_version 1.1;
proxy_set_header Connection ""; proxy_set_header Authorization "Bearer upstream-key"; proxy_buffering off;
proxy_request_buffering off; proxy_read_timeout 1h; } } }`,
      );
      return { args: ["nginx", "-c", file] };
    },
  };
  if (quick) return [ours, nginx];
  const haproxy: Candidate = {
    name: "HAProxy",
    ...await needs("haproxy"),
    async command(listen, upstream) {
      const { protocol, host } = new URL(upstream);
      const file = `${folder}/haproxy-${listen.split(":")[1]}.cfg`;
      await Deno.writeTextFile(
        file,
        `global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend clients
  bind ${listen}
  default_backend upstream
backend upstream
  http-request set-header authorization "Bearer upstream-key"
  server one ${host}${protocol === "https:" ? " ssl verify none" : ""}
`,
      );
      return { args: ["haproxy", "-db", "-f", file] };
    },
  };
  const go: Candidate = {
    name: "Go ReverseProxy",
    ...await needs("go"),
    command: (listen, upstream) => Promise.resolve({ args: [`${folder}/reverse_proxy`, listen, upstream] }),
  };
  if (go.missing === undefined) {
    await output(["go", "build", "-o", `${folder}/reverse_proxy`, `${PEERS}/reverse_proxy.go`]);
  }
  const npm = await installed(folder, [
    "@oven/bun-linux-x64@1.4.5",
    "undici@7.16.0",
    "@portkey-ai/gateway@1.15.2",
  ]);
  const missing = npm === undefined ? {} : { missing: npm };
  await Deno.copyFile(`${PEERS}/node_undici.mjs`, `${folder}/node_undici.mjs`);
  return [
    ours,
    nginx,
    haproxy,
    go,
    {
      name: "Bun.serve + fetch",
      ...missing,
      command: (listen, upstream) =>
        Promise.resolve({
          args: [
            `${folder}/node_modules/@oven/bun-linux-x64/bin/bun`,
            `${PEERS}/bun_fetch.ts`,
            listen,
            upstream,
          ],
        }),
    },
    {
      name: "Node + undici",
      ...missing,
      command: (listen, upstream) =>
        Promise.resolve({ args: ["node", `${folder}/node_undici.mjs`, listen, upstream] }),
    },
    {
      name: "Portkey gateway",
      ...missing,
      jsonOnly: true,
      command: (listen) =>
        Promise.resolve({
          args: [
            "node",
            `${folder}/node_modules/@portkey-ai/gateway/build/start-server.js`,
            "--headless",
            `--port=${listen.split(":")[1]}`,
          ],
        }),
      headers: (upstream) => ({ "x-portkey-provider": "openai", "x-portkey-custom-host": `${upstream}/v1` }),
    },
  ];
}

async function needs(program: string): Promise<{ missing?: string }> {
  return await exists(program) ? {} : { missing: `${program} is not installed` };
}

/** Installs packages without running their scripts; gives why it could not. */
async function installed(folder: string, packages: readonly string[]): Promise<string | undefined> {
  try {
    await output(["npm", "install", "--silent", "--ignore-scripts", "--prefix", folder, ...packages]);
    return undefined;
  } catch (error) {
    return `npm install failed: ${error instanceof Error ? error.message.slice(0, 200) : error}`;
  }
}
