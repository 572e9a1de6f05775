import * as v from "valibot";
import { createApp } from "../app.ts";
import { systemClock } from "../time/clock.ts";
import { portSchema } from "../config/values/address_values.ts";
import {
  DEFAULT_ADMIN_IDLE_MINUTES,
  DEFAULT_BACKEND_SETTINGS,
  DEFAULT_ENDPOINT_SETTINGS,
  DEFAULT_PORT,
  DEFAULT_RETENTION_DAYS,
  DEFAULT_SERVER_SETTINGS,
} from "../config/values/defaults.ts";
import { processSources } from "../config/sources/env.ts";
import { PRESETS } from "../config/values/presets.ts";
import type { Config, Endpoint, ManagementConfig } from "../config/config.ts";
import { demoHistory } from "../demo/history.ts";
import { createDemoUpstream } from "../demo/upstream.ts";
import { createLog } from "../observability/log.ts";
import { CommandError } from "./command_error.ts";
import { gatheringOut, writeErr, writeOut } from "./output.ts";
import { portsOf, runServer } from "./run_server.ts";

/** Nothing of it is secret: the demo listens on loopback and its upstream has nothing to protect. */
const TOKEN = "demo-token-of-the-proxy";
const MANAGEMENT_TOKEN = "demo-management-token";
const KEYS = { openai: "demo-key-of-openai", anthropic: "demo-key-of-anthropic" };
const HOST = "127.0.0.1";
/** Slow enough to watch, as fast as a small model. */
const PACE_MS = 60;

/** `llm-proxy demo`: the proxy in front of a built-in upstream, without keys, files or a network. */
export async function demo({ port }: { port: number | undefined }): Promise<void> {
  const chosen = port ?? environmentPort() ?? freePort(DEFAULT_PORT);
  const upstream = Deno.serve(
    { hostname: HOST, port: 0, onListen() {} },
    createDemoUpstream({ keys: KEYS, paceMs: PACE_MS }),
  );
  const folder = await Deno.makeTempDir({ prefix: "llm-proxy-demo-" });
  // Also where a second signal or a failure ends the process.
  globalThis.addEventListener("unload", () => removeFolder(folder));
  const management = demoManagement(folder);
  await writeHistory(management.databaseUrl);
  const config = demoConfig({
    port: chosen,
    adminPort: chosen === 0 || chosen === 65_535 ? 0 : freePort(chosen + 1),
    upstreamPort: upstream.addr.port,
    management,
  });
  const log = createLog(config.log, { write: gatheringOut(), secrets: [] });
  const { openManagement } = await import("../management/open.ts");
  const opened = await openManagement(management, { log, clock: systemClock, onSecrets() {} });
  await runServer(createApp(config, { log, management: opened }), {
    server: config.server,
    drainMs: () => config.server.drainMs,
    log,
    isHangup: () => true,
    onListening(running) {
      const ports = portsOf(running);
      opened.onListening(ports);
      writeOut(demoText(`http://${HOST}:${ports.port}`, `http://${HOST}:${ports.adminPort}/admin`, folder));
    },
  });
  await opened.close();
  removeFolder(folder);
  await upstream.shutdown();
}

/** `PORT`, as for any other start; undefined where it is not set. */
function environmentPort(): number | undefined {
  const text = processSources.get("PORT");
  if (text === undefined || text === "") return undefined;
  const { success, output, issues } = v.safeParse(portSchema, text);
  if (success) return output;
  throw new CommandError(`env PORT ${issues[0].message}`, 2);
}

/** Nothing happens where it is gone already. */
function removeFolder(folder: string): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) writeErr(`Cannot remove ${folder}: ${error}\n`);
  }
}

function demoManagement(folder: string): ManagementConfig {
  return {
    token: MANAGEMENT_TOKEN,
    databaseUrl: `sqlite:${folder}/demo.db`,
    // It seals nothing that would outlast the demo.
    encryptionKey: crypto.getRandomValues(new Uint8Array(32)),
    retentionDays: DEFAULT_RETENTION_DAYS,
    adminIdleMs: DEFAULT_ADMIN_IDLE_MINUTES * 60_000,
    metricsPublic: false,
  };
}

/** Before the management plane is opened, which reads once what was spent. */
async function writeHistory(databaseUrl: string): Promise<void> {
  const { openStore } = await import("../storage/open.ts");
  const { hashOf } = await import("../auth/token_value.ts");
  const store = await openStore(databaseUrl);
  const { projects, tokens, exchanges } = demoHistory(Date.now(), hashOf);
  const made = (action: string, { id, createdAt }: { id: string; createdAt: number }) => ({
    at: createdAt,
    actor: "demo",
    source: HOST,
    action,
    subjectId: id,
    changes: {},
  });
  for (const project of projects) await store.addProject(project, made("project.create", project));
  for (const token of tokens) await store.addToken(token, made("token.create", token));
  await store.addExchanges(exchanges.toSorted((one, other) => one.startedAt - other.startedAt));
  store.close();
}

/** The wanted port, or 0 (any) where another program has it. */
function freePort(wanted: number): number {
  try {
    Deno.listen({ hostname: HOST, port: wanted }).close();
    return wanted;
  } catch (error) {
    if (error instanceof Deno.errors.AddrInUse) return 0;
    throw error;
  }
}

function demoConfig(
  { port, adminPort, upstreamPort, management }: {
    port: number;
    adminPort: number;
    upstreamPort: number;
    management: ManagementConfig;
  },
): Config {
  const endpoint = (name: "openai" | "anthropic", path: string): Endpoint => ({
    name,
    provider: name,
    backends: [{
      name: "demo",
      baseUrl: { origin: `http://${HOST}:${upstreamPort}`, path },
      key: { mode: "inject", value: KEYS[name] },
      keyField: PRESETS[name].keyField,
      ...DEFAULT_BACKEND_SETTINGS,
    }],
    ...DEFAULT_ENDPOINT_SETTINGS,
    // Dear enough for a budget of some cents to be seen at work.
    prices: [{ matches: () => true, input: 100, output: 300 }],
  });
  return {
    server: { host: HOST, port, adminPort, ...DEFAULT_SERVER_SETTINGS, drainMs: 1_000 },
    auth: { mode: "token", tokens: [{ name: "demo", token: TOKEN }] },
    endpoints: [endpoint("openai", "/openai/v1"), endpoint("anthropic", "/anthropic")],
    log: { level: "info", format: "pretty", access: true },
    management,
  };
}

function demoText(url: string, adminUrl: string, folder: string): string {
  const openai = `curl -sN ${url}/openai/v1/chat/completions -H 'Authorization: Bearer ${TOKEN}'`;
  const anthropic =
    `curl -sN ${url}/anthropic/v1/messages -H 'x-api-key: ${TOKEN}' -H 'anthropic-version: 2023-06-01'`;
  const chat = (model: string, rest: string) =>
    ` -H 'Content-Type: application/json' -d '{"model":"${model}",${rest}"messages":[{"role":"user","content":"Hello"}]}'`;
  return `llm-proxy demo: a proxy on ${url}, its token is ${TOKEN}

The admin page, with a month that was made up: ${adminUrl}
  its token is ${MANAGEMENT_TOKEN}

OpenAI, plain and streamed:
  ${openai}${chat("demo-small", "")}
  ${openai}${chat("demo-small", '"stream":true,')}

Anthropic, plain and streamed:
  ${anthropic}${chat("demo-claude", '"max_tokens":100,')}
  ${anthropic}${chat("demo-claude", '"max_tokens":100,"stream":true,')}

Each request shows below. Ctrl-C ends it and removes ${folder}.
What stays: ${
    Deno.build.standalone
      ? "the runtime's cache of compiled code, in the folder for temporary files."
      : "the packages that it was made of, in Deno's cache."
  }

`;
}
