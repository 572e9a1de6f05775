import type { App } from "../app.ts";
import type { ServerConfig, TlsConfig } from "../config/config.ts";
import type { Log } from "../observability/log.ts";
import { DenoServer } from "./deno_engine.ts";
import { HttpServer } from "./http_server.ts";
import type { RunningServer } from "./running_server.ts";

/** Options of {@link startEngine}. */
export interface StartOptions {
  /** How often timeouts and the files of the certificate are checked, in milliseconds. */
  readonly sweepMs?: number;
  /** Called when the server begins to use another certificate. */
  readonly onRenewed?: (tls: TlsConfig) => void;
}

/**
 * Starts the server that the configuration names. Throws what `Deno.listen` throws if the server cannot
 * listen.
 */
export function startEngine(
  app: App,
  config: ServerConfig,
  log: Log,
  options: StartOptions = {},
): RunningServer {
  const parts = { app, log, ...options };
  return config.engine === "deno" ? new DenoServer(config, parts) : new HttpServer(config, parts);
}
