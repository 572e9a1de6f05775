import type { App } from "../app.ts";
import type { ServerConfig, TlsConfig } from "../config/config.ts";
import type { Log } from "../observability/log.ts";
import type { Ports } from "../management/served.ts";
import { type RunningServer, startServer } from "../server/listen.ts";
import { onEndSignals } from "./signals.ts";
import { CommandError } from "./command_error.ts";

/** The exit code of a program that a signal ended, by the shell's custom. */
const KILLED: Partial<Record<Deno.Signal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/**
 * Serves until a signal asks to end and what was running has ended. A second signal ends the process at once.
 * `onListening` is called when clients can connect, with what ends it as the first signal does.
 */
export async function runServer(
  app: App,
  { server: config, drainMs, log, onListening, onRenewed, isHangup }: {
    server: ServerConfig;
    /** As it is when draining begins. */
    drainMs: () => number;
    log: Log;
    onListening: (server: RunningServer, stop: () => void) => void;
    /** Another certificate is used from now on. */
    onRenewed?: ((tls: TlsConfig) => void) | undefined;
    /** Whether a SIGHUP asks to end. */
    isHangup: () => boolean;
  },
): Promise<void> {
  const server = listen(app, config, { log, onRenewed });
  const asked = Promise.withResolvers<Deno.Signal>();
  const removeListeners = onEndSignals(
    asked.resolve,
    (signal) => Deno.exit(KILLED[signal] ?? 143),
    isHangup,
  );
  onListening(server, () => asked.resolve("SIGTERM"));
  await asked.promise;
  await server.drain(drainMs());
  removeListeners();
  app.close();
}

/** The ports of a running server, by which clients are given its addresses. */
export function portsOf({ address, httpsAddress, adminAddress }: RunningServer): Ports {
  return { port: address.port, httpsPort: httpsAddress?.port, adminPort: adminAddress?.port };
}

/** A socket that cannot be had is the commonest failure of a start; it is said in one line. */
function listen(
  app: App,
  config: ServerConfig,
  { log, onRenewed }: { log: Log; onRenewed: ((tls: TlsConfig) => void) | undefined },
): RunningServer {
  const { host, port, httpsPort, adminPort } = config;
  const ports = [["PORT", port], ["HTTPS_PORT", httpsPort], ["ADMIN_PORT", adminPort]] as const;
  const wanted = ports.filter(([, port]) => port !== undefined);
  const where = wanted.map(([, port]) => `${host}:${port}`).join(" and ");
  try {
    return startServer(app, config, log, onRenewed && { onRenewed });
  } catch (error) {
    app.close();
    if (error instanceof Deno.errors.AddrInUse) {
      throw new CommandError(
        `Cannot listen on ${where}: another program has this port, or a connection of this machine to elsewhere. ` +
          `Choose one with ${wanted.map(([name]) => name).join(" or ")} or --port.`,
      );
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new CommandError(
        `Cannot listen on ${where}: not permitted. Ports below 1024 need rights; 33000 does not.`,
      );
    }
    if (error instanceof Deno.errors.AddrNotAvailable) {
      throw new CommandError(
        `Cannot listen on ${where}: this machine has no such address. HOST=0.0.0.0 means all.`,
      );
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new CommandError(`Cannot listen on ${where}: ${reason}.`);
  }
}
