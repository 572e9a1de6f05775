import type { App } from "../app.ts";
import type { ServerConfig, TlsConfig } from "../config/config.ts";
import type { Log } from "../observability/log.ts";
import { startDenoServer } from "./deno_engine.ts";
import { type RunningServer, startServer } from "./listen.ts";

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
  return config.engine === "deno"
    ? startDenoServer(app, config, log, options)
    : startServer(app, config, log, options);
}
