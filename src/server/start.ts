import type { App } from "../app.ts";
import type { ServerConfig, TlsConfig } from "../config/config.ts";
import type { Log } from "../observability/log.ts";
import { DenoServer } from "./deno_engine.ts";
import { HttpServer } from "./http_server.ts";
import type { RunningServer } from "./running_server.ts";

/** The options of {@link startEngine}. */
export interface StartOptions {
  /** The time between two checks of timeouts and of the files of the certificate, in milliseconds. */
  readonly sweepMs?: number;
  /** Called when the server begins to use another certificate. */
  readonly onRenewed?: (tls: TlsConfig) => void;
}

/**
 * Starts the server that the configuration names. Throws the error of `Deno.listen` if the server cannot
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
