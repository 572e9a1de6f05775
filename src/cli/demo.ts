import { createApp } from "../app.ts";
import { DEFAULT_BACKEND_SETTINGS, DEFAULT_ENDPOINT_SETTINGS } from "../config/defaults.ts";
import { PRESETS } from "../config/presets.ts";
import type { Config, Endpoint } from "../config/schema.ts";
import { createDemoUpstream } from "../demo/upstream.ts";
import { createLog } from "../observability/log.ts";
import { gatheringOut, writeOut } from "./output.ts";
import { runServer } from "./run_server.ts";

/** Nothing of it is secret: the demo listens on loopback and its upstream has nothing to protect. */
const TOKEN = "demo-token-of-the-proxy";
const KEYS = { openai: "demo-key-of-openai", anthropic: "demo-key-of-anthropic" };
const HOST = "127.0.0.1";
/** Slow enough to watch, as fast as a small model. */
const PACE_MS = 60;

/** `llm-proxy demo`: the proxy in front of a built-in upstream, without keys, files or a network. */
export async function demo({ port }: { port: number | undefined }): Promise<void> {
  const upstream = Deno.serve(
    { hostname: HOST, port: 0, onListen() {} },
    createDemoUpstream({ keys: KEYS, paceMs: PACE_MS }),
  );
  const config = demoConfig({ port: port ?? freePort(33_000), upstreamPort: upstream.addr.port });
  const log = createLog(config.log, { write: gatheringOut(), secrets: [] });
  await runServer(createApp(config, { log }), {
    server: config.server,
    drainMs: () => config.server.drainMs,
    log,
    onListening: (address) => writeOut(demoText(`http://${HOST}:${address.port}`)),
  });
  await upstream.shutdown();
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

function demoConfig({ port, upstreamPort }: { port: number; upstreamPort: number }): Config {
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
  });
  return {
    server: { host: HOST, port, drainMs: 1_000, corsOrigins: [] },
    auth: { mode: "token", tokens: [{ name: "demo", token: TOKEN }] },
    endpoints: [endpoint("openai", "/openai/v1"), endpoint("anthropic", "/anthropic")],
    log: { level: "info", format: "pretty", access: true },
  };
}

function demoText(url: string): string {
  const openai = `curl -sN ${url}/openai/v1/chat/completions -H 'Authorization: Bearer ${TOKEN}'`;
  const anthropic =
    `curl -sN ${url}/anthropic/v1/messages -H 'x-api-key: ${TOKEN}' -H 'anthropic-version: 2023-06-01'`;
  const chat = (model: string, rest: string) =>
    ` -H 'Content-Type: application/json' -d '{"model":"${model}",${rest}"messages":[{"role":"user","content":"Hello"}]}'`;
  return `llm-proxy demo: a proxy on ${url}, its token is ${TOKEN}

OpenAI, plain and streamed:
  ${openai}${chat("demo-small", "")}
  ${openai}${chat("demo-small", '"stream":true,')}

Anthropic, plain and streamed:
  ${anthropic}${chat("demo-claude", '"max_tokens":100,')}
  ${anthropic}${chat("demo-claude", '"max_tokens":100,"stream":true,')}

Each request shows below. Ctrl-C ends it.

`;
}
