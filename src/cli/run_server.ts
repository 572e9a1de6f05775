/** Runs the server until a signal ends it. */

import type { App } from "../app.ts";
import type { ServerConfig, TlsConfig } from "../config/config.ts";
import type { Log } from "../observability/log.ts";
import type { Ports } from "../management/served.ts";
import { hostAndPort, reachableHost } from "../network/host_port.ts";
import type { RunningServer } from "../server/running_server.ts";
import { startEngine } from "../server/start.ts";
import type { WorkerServerParts } from "./workers/worker_server.ts";
import { onEndSignals, signalExitCode } from "./signals.ts";
import { CommandError } from "./command_error.ts";
import { messageOf } from "../text/error_text.ts";

/** The data and functions that serving threads need, besides the configuration of the server. */
export type ThreadOptions = Pick<WorkerServerParts, "write" | "loaded" | "managed">;

/**
 * Runs the server until a signal arrives and the running requests have ended. A second signal ends the
 * process immediately. Calls `onListening` when clients can connect. Its argument `stop` does the same as the
 * first signal. Throws a {@link CommandError} if the server cannot listen.
 */
export async function runServer(
  app: App,
  { server: config, drainMs, drainDelayMs = () => 0, log, onListening, onRenewed, isHangup, threads }: {
    server: ServerConfig;
    /**
     * Returns the longest time for running requests after the signal, in milliseconds. It is called when
     * draining begins.
     */
    drainMs: () => number;
    /**
     * Returns how long the proxy still accepts requests after the signal, in milliseconds. It is called at
     * the signal.
     */
    drainDelayMs?: () => number;
    log: Log;
    onListening: (server: RunningServer, stop: () => void) => void;
    /** Called when the server begins to use another certificate. */
    onRenewed?: ((tls: TlsConfig) => void) | undefined;
    /** Whether a SIGHUP ends the server. */
    isHangup: () => boolean;
    /**
     * The data and functions for serving threads. Without them, the configuration must have only one thread.
     */
    threads?: ThreadOptions;
  },
): Promise<void> {
  const server = await listen(app, config, { log, onRenewed, threads });
  const stopped = Promise.withResolvers<Deno.Signal>();
  const removeListeners = onEndSignals(
    stopped.resolve,
    (signal) => Deno.exit(signalExitCode(signal)),
    isHangup,
  );
  onListening(server, () => stopped.resolve("SIGTERM"));
  await stopped.promise;
  const delayMs = drainDelayMs();
  if (delayMs > 0) {
    app.announceDrain();
    server.announceDrain?.();
    log("info", "leaving", { in_flight: app.inFlight() });
    // A second signal ends the process, and with it this wait.
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
  await server.drain(drainMs());
  removeListeners();
  app.close();
}

/** The ports of a running server. */
export function portsOf({ address, httpsAddress, adminAddress }: RunningServer): Ports {
  return { port: address.port, httpsPort: httpsAddress?.port, adminPort: adminAddress?.port };
}

/** Returns the URL of the management API of a running server, for commands on the same machine. */
export function managementUrl(
  { address, adminAddress }: Pick<RunningServer, "address" | "adminAddress">,
  { tls, httpsPort }: Pick<ServerConfig, "tls" | "httpsPort">,
): string {
  const { hostname, port } = adminAddress ?? address;
  // If there is a certificate, the admin port always uses TLS.
  const isTls = tls !== undefined && (adminAddress !== undefined || httpsPort === undefined);
  return `${isTls ? "https" : "http"}://${hostAndPort({ hostname: reachableHost(hostname), port })}`;
}

/**
 * Starts the server. Errors get a clear message, because a port that cannot be used is the most common
 * failure of a start.
 */
async function listen(
  app: App,
  config: ServerConfig,
  { log, onRenewed, threads }: {
    log: Log;
    onRenewed: ((tls: TlsConfig) => void) | undefined;
    threads: ThreadOptions | undefined;
  },
): Promise<RunningServer> {
  const { host, port, httpsPort, adminPort } = config;
  const ports = [["PORT", port], ["HTTPS_PORT", httpsPort], ["ADMIN_PORT", adminPort]] as const;
  const wanted = ports.filter(([, port]) => port !== undefined);
  const where = wanted.map(([, port]) => `${host}:${port}`).join(" and ");
  try {
    if (config.workers === 1 || threads === undefined) {
      return startEngine(app, config, log, onRenewed && { onRenewed });
    }
    const { WorkerServer } = await import("./workers/worker_server.ts");
    return await WorkerServer.start(config, { app, log, onRenewed, ...threads });
  } catch (error) {
    app.close();
    if (error instanceof Deno.errors.AddrInUse) {
      throw new CommandError(
        `Cannot listen on ${where}: another program or an outgoing connection uses ` +
          `${wanted.length > 1 ? "one of these ports" : "the port"}. ` +
          `Choose another port with ${wanted.map(([name]) => name).join(" or ")} or --port.`,
      );
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new CommandError(
        `Cannot listen on ${where}: permission denied. Ports below 1024 need privileges; choose a higher one.`,
      );
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw new CommandError(
        `Cannot listen on ${where}: this machine has no such address. HOST=:: means all addresses.`,
      );
    }
    const reason = messageOf(error);
    throw new CommandError(`Cannot listen on ${where}: ${reason}.`);
  }
}
