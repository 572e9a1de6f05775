/** The engine that tests of the wire run the proxy with. `deno task test:engine` sets the variable. */

import type { ServerEngine } from "../../../src/config/config.ts";
import { SERVER_ENGINES } from "../../../src/config/values/defaults.ts";
import { unless } from "../runner/left_out.ts";

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

/**
 * The engine of proxies whose test does not choose one. Throws if the environment names an unknown engine.
 */
export function engineToTest(): ServerEngine {
  const named = Deno.env.get("LLM_PROXY_ENGINE") ?? "own";
  const engine = SERVER_ENGINES.find((one) => one === named);
  if (engine === undefined) {
    throw new Error(`LLM_PROXY_ENGINE is ${named}, not one of ${SERVER_ENGINES.join(", ")}`);
  }
  return engine;
}

/**
 * Registers tests of what only the own engine does. They are left out if the other engine is to be tested.
 */
export function ownEngineTests(
  difference: Difference,
): { readonly test: (name: string, fn: () => void | Promise<void>) => void } {
  if (engineToTest() === "own") return { test: Deno.test };
  const reason = `not with engine = "deno": ${DIFFERENCES[difference]}`;
  return { test: (name, fn) => Deno.test({ ...unless(reason, name), fn }) };
}
