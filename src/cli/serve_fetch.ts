/** The proxy for `deno serve`: the platform listens, and calls {@link fetchServer} for each request. */

import type { Config } from "../config/config.ts";
import type { Problem } from "../config/problem.ts";
import type { Flags } from "../config/read/resolver.ts";
import { DeclaredServer } from "../server/declared_server.ts";
import { openProxy } from "./open_proxy.ts";
import { exitCodeOf } from "./run.ts";
import { managementUrl } from "./run_server.ts";
import { onEndSignals, signalExitCode } from "./signals.ts";

/** The origin of settings that the platform's server decides, for messages. */
const ORIGIN = "deno serve";

/**
 * Makes the default export of a module for `deno serve`. The proxy reads its configuration and opens when the
 * platform reports that it listens, or else with the first request. If the configuration is invalid, the
 * process prints all problems and exits with code 2.
 */
export function fetchServer(): Deno.ServeDefaultExport {
  let opened: Promise<DeclaredServer> | undefined;
  const open = (address?: Deno.Addr): Promise<DeclaredServer> => opened ??= openOrExit(address);
  return {
    fetch: async (request, info) => (await open()).handle(request, info),
    onListen: (address) => void open(address),
  };
}

async function openOrExit(address: Deno.Addr | undefined): Promise<DeclaredServer> {
  try {
    return await openDeclared(address);
  } catch (error) {
    Deno.exit(exitCodeOf(error));
  }
}

async function openDeclared(address: Deno.Addr | undefined): Promise<DeclaredServer> {
  const proxy = await openProxy(flagsOf(address), { problemsOf: adminPortProblems });
  const { app, log, config, isHangup } = proxy;
  const server = new DeclaredServer(app, config().server, log);
  const stopped = Promise.withResolvers<void>();
  onEndSignals(() => stopped.resolve(), (signal) => Deno.exit(signalExitCode(signal)), isHangup);
  void stopped.promise.then(async () => {
    await server.drain(config().server.drainMs);
    app.close();
    await proxy.close();
    log("info", "stopped");
    // The runtime reports a response as complete one turn before it writes the response.
    setTimeout(() => Deno.exit(0));
  });
  proxy.onListening({ port: config().server.port }, {
    configure: (next) => server.configure(next),
    stop: stopped.resolve,
    managementUrl: isNetAddress(address)
      ? managementUrl({ address, adminAddress: undefined }, config().server)
      : undefined,
  });
  return server;
}

/** Returns the settings that the platform's server decides. They take precedence over the configuration. */
function flagsOf(address: Deno.Addr | undefined): Flags {
  const of = (value: string) => ({ value, origin: ORIGIN });
  return {
    SERVER_ENGINE: of("deno"),
    ...(isNetAddress(address) && {
      HOST: of(address.hostname),
      PORT: of(String(address.port)),
    }),
  };
}

function isNetAddress(address: Deno.Addr | undefined): address is Deno.NetAddr {
  return address !== undefined && "port" in address && "hostname" in address;
}

/** Returns a problem if the configuration has an admin port, because `deno serve` listens on one port. */
function adminPortProblems({ server }: Config): Problem[] {
  return server.adminPort === undefined ? [] : [{
    origin: "server.admin_port",
    message: "needs a second port, and `deno serve` has one: remove it, or start the proxy with its command",
  }];
}
