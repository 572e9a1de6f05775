/** `llm-proxy serve`: runs the proxy. */

import type { Flags } from "../config/read/resolver.ts";
import { openProxy } from "./open_proxy.ts";
import { managementUrl, portsOf, runServer } from "./run_server.ts";

/**
 * Runs the proxy until a signal ends it. Throws a `ConfigError` or a `CommandError` if it cannot start.
 */
export async function serve(flags: Flags, { watch = false }: { watch?: boolean } = {}): Promise<void> {
  const proxy = await openProxy(flags, { watch });
  try {
    await runServer(proxy.app, {
      server: proxy.config().server,
      drainMs: () => proxy.config().server.drainMs,
      drainDelayMs: () => proxy.config().server.drainDelayMs,
      log: proxy.log,
      isHangup: proxy.isHangup,
      threads: { write: proxy.write, loaded: proxy.threadConfig, managed: proxy.managedThreads },
      onRenewed: proxy.onRenewed,
      onListening: (running, stop) =>
        proxy.onListening(portsOf(running), {
          configure: (config) => running.configure(config),
          stop,
          managementUrl: managementUrl(running, proxy.config().server),
        }),
    });
  } finally {
    await proxy.close();
  }
  proxy.log("info", "stopped");
}
