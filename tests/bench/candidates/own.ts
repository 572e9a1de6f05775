/** This proxy: plain, and with a managed token. */

import { createTokenValue } from "../../../src/auth/token_value.ts";
import { bundleProgram } from "../../../src/build/bundle.ts";
import { shrinkBundle } from "../../../src/build/shrink_bundle.ts";
import { V8_FLAGS } from "../../../src/cli/v8_flags.ts";
import type { Rules } from "../../../src/principal.ts";
import { openStore } from "../../../src/storage/open.ts";
import { writeBundleManifest } from "../../support/runner/bundle_manifest.ts";
import { auditRow, projectRow, tokenRow } from "../../support/data/rows.ts";
import { type Candidate, CHAT_PATH, type Place, ROOT, TLS_FILES, TOKEN, UPSTREAM_KEY } from "./candidate.ts";

/** This proxy with the shared token. */
export const OWN_NAME = "llm-proxy";
/**
 * The second process of this proxy. Its figures differ from those of the first by the noise of the machine
 * alone.
 */
export const TWIN_NAME = "llm-proxy, again";
/** This proxy with a managed token. */
export const MANAGED_NAME = "llm-proxy, managed";

/** The token of the management API of a managed candidate. */
export const MANAGEMENT_TOKEN = "bench-management-token";

/** Rules that never reject, so that each request pays for all of them. */
export const RULES: Rules = {
  requestsPerMinute: 1e9,
  tokensPerMinute: 1e12,
  concurrentRequests: 1e5,
  totalBudgetMicros: 1e15,
};

/** The folder of the bundle. The program finds the manual two folders above its modules. */
const BUNDLE = `${ROOT}dist/benched`;
let bundled: Promise<void> | undefined;

/**
 * The arguments that run this proxy as a release runs it: as a bundle, which is made once in each run of the
 * bench. The sources would take more memory and a longer start.
 */
export async function ownArgs(): Promise<readonly string[]> {
  await (bundled ??= bundleProgram(BUNDLE, {
    async edit(folder) {
      await shrinkBundle(folder);
      await writeBundleManifest(folder);
    },
  }));
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--no-prompt",
    "--no-check",
    "--config",
    `${BUNDLE}/deno.json`,
    "-P=run",
    V8_FLAGS,
    `${BUNDLE}/main.js`,
  ];
}

const PATH = `/openai${CHAT_PATH}`;

/** The environment that configures this proxy for a place. */
export function ownEnv({ listen, upstream, isSecure }: Place): Record<string, string> {
  const [host = "", port = ""] = listen.split(":");
  return {
    ENDPOINTS: "openai",
    OPENAI_BASE_URL: `${upstream}/v1`,
    OPENAI_API_KEY: UPSTREAM_KEY,
    PROXY_TOKEN: TOKEN,
    HOST: host,
    PORT: port,
    ACCESS_LOG: "1",
    DENO_CERT: TLS_FILES.ca,
    ...isSecure ? { TLS_CERT_FILE: TLS_FILES.cert, TLS_KEY_FILE: TLS_FILES.key } : {},
  };
}

/** This proxy with the shared token and its access log. `env` are further variables. */
export function ownCandidate(name: string = OWN_NAME, env: Readonly<Record<string, string>> = {}): Candidate {
  return {
    name,
    kind: "proxy",
    path: PATH,
    hasTls: true,
    command: async (place) => ({ args: await ownArgs(), env: { ...ownEnv(place), ...env } }),
  };
}

/** This proxy with `engine = "deno"`. */
export function denoEngineCandidate(): Candidate {
  return ownCandidate("llm-proxy, Deno.serve", { SERVER_ENGINE: "deno" });
}

/** This proxy with a managed token, limits on it and on its project, usage, cost and metrics. */
export function managedCandidate(
  folder: string,
  { rules: more = {}, env = {} }: {
    readonly rules?: Rules;
    readonly env?: Readonly<Record<string, string>>;
  } = {},
): Candidate {
  return {
    name: MANAGED_NAME,
    kind: "proxy",
    path: PATH,
    hasTls: true,
    limitsBodies: true,
    async command(place) {
      const own = `${folder}/managed-${place.listen.split(":")[1]}`;
      const token = createTokenValue();
      const rules = { ...RULES, ...more };
      const store = await openStore(`sqlite:${own}/bench.db`);
      await store.addProject(projectRow("prj_1", { rules }), auditRow("project.create", "prj_1"));
      await store.addToken(
        tokenRow("tok_1", "prj_1", { value: token, rules }),
        auditRow("token.create", "tok_1"),
      );
      await store.close();
      return { args: await ownArgs(), token, env: { ...ownEnv(place), ...await managementEnv(own), ...env } };
    },
  };
}

/** The environment for the database `bench.db` of a folder, with prices of OpenAI. */
export async function managementEnv(folder: string): Promise<Record<string, string>> {
  const config = `${folder}/config.toml`;
  await Deno.writeTextFile(config, '[endpoints.openai]\nprice_provider = "openai"\n');
  return { MANAGEMENT_TOKEN, DATABASE_URL: `sqlite:${folder}/bench.db`, CONFIG_PATH: config };
}
