/**
 * The server that tests of the wire run the proxy with. `deno task test:engine` runs these tests with `engine = "deno"`,
 * without those of what only the own engine does.
 */

import type { ServerEngine } from "../../../src/config/config.ts";
import { SERVER_ENGINES } from "../../../src/config/values/defaults.ts";

/** What only the own engine does: the first column of the table in docs/engines.md. */
export const DIFFERENCES = {
  departure: "A client that leaves while the upstream works",
  headers: "Request headers",
  getBody: "A body with GET or HEAD",
  target: "Targets",
  malformed: "Malformed requests",
  connections: "Connections",
  webSocket: "WebSockets",
  https: "HTTPS and HTTP/2",
} as const;

/** One of the differences between the engines. */
export type Difference = keyof typeof DIFFERENCES;

/** Files of tests that are about one difference as a whole. */
export const OWN_ENGINE_FILES: Readonly<Record<string, Difference>> = {
  "echo_test.ts": "headers",
  "http2_floods_test.ts": "https",
  "http2_test.ts": "https",
  "make_room_test.ts": "connections",
  "malformed_requests_test.ts": "malformed",
  "realtime_managed_test.ts": "webSocket",
  "tls_test.ts": "https",
  "websocket_test.ts": "webSocket",
};

/** Single tests that are about a difference. */
export const OWN_ENGINE_TESTS: Readonly<Record<string, Difference>> = {
  "a client that leaves before the upstream's headers, after a body that came in its own packet cancels the upstream request at once":
    "departure",
  "backends: another model, header fields set and removed, and the rest byte for byte": "headers",
  "passthrough: what a client's own credentials look like, they go on as they are": "headers",
  "wrong tokens: each one in a request counts, and a request with too many is rejected unchecked": "headers",
  "wrong tokens: a right one among more than sixteen is rejected": "headers",
  "framing: GET with a body": "getBody",
  "hostile text of clients and upstreams is harmless in every output": "target",
  "backends: with a body that is held, a client that leaves has left, and a broken body is its own fault":
    "malformed",
  "a head that does not come in time ends its connection, whole or in part, and others are served meanwhile":
    "connections",
  "a connection that is idle between requests is closed after its time": "connections",
  "an upload that pauses too long while it is forwarded is a 408, and the upstream is let go": "connections",
  "an upload that pauses too long while it is held to be changed is a 408, and the upstream is let go":
    "connections",
  "max_header_bytes and max_header_fields hold for the request's head": "connections",
  "what comes behind a running request is kept up to 256 KiB; beyond it the client is cut, and its upstream let go":
    "connections",
  "max_connections: whoever has been idle longest makes room; where all are busy the new one is closed":
    "connections",
  "max_connections: clients without a token that do not read their answers make room, not clients with one":
    "connections",
  "unfinished heads: together they hold 32 MiB at most; the oldest ends, and a client with a token is served":
    "connections",
  "without a token: other sites' pages and rebound names are refused with every method, programs are not":
    "webSocket",
  "wrong tokens of a web page: a WebSocket's subprotocol makes nobody's programs wait": "webSocket",
  "allowed paths: hold for WebSockets": "webSocket",
};

/** The engine of proxies whose test does not choose one. Throws if the environment names an unknown engine. */
export function engineToTest(): ServerEngine {
  const named = Deno.env.get("LLM_PROXY_ENGINE") ?? "own";
  const engine = SERVER_ENGINES.find((one) => one === named);
  if (engine === undefined) {
    throw new Error(`LLM_PROXY_ENGINE is ${named}, not one of ${SERVER_ENGINES.join(", ")}`);
  }
  return engine;
}

/** The files of tests that run with every engine: those that start the proxy in the process of the test. */
export async function engineFiles(): Promise<string[]> {
  const folder = new URL("../wire/", import.meta.url);
  const files: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (!name.endsWith("_test.ts") || name in OWN_ENGINE_FILES) continue;
    const text = await Deno.readTextFile(new URL(name, folder));
    if (/\b(?:local|managed)_proxy\.ts"/.test(text)) files.push(`tests/wire/${name}`);
  }
  return files.sort();
}
