/** A thread that serves requests, on the same ports as the other threads. */

import { type App, createApp } from "../../app.ts";
import type { Config, ServerConfig } from "../../config/config.ts";
import { loadConfig } from "../../config/load.ts";
import { sourcesOf } from "../../config/sources/snapshot_sources.ts";
import type { SlotUse } from "../../capacity/concurrency_limiter.ts";
import type { ManagementMethods } from "../../management/threads/methods.ts";
import type { ThreadManagement } from "../../management/threads/thread_management.ts";
import type { Log } from "../../observability/log.ts";
import type { RunningServer } from "../../server/running_server.ts";
import { startEngine } from "../../server/start.ts";
import { traceOf } from "../../text/error_text.ts";
import { systemClock } from "../../time/clock.ts";
import type {
  MainMethods,
  SharedPorts,
  ThreadConfig,
  ThreadMethods,
  ThreadStart,
} from "../../workers/methods.ts";
import { OwnSlots, SlotCounts } from "../../workers/slot_counts.ts";
import { type Channel, ThreadPort } from "../../workers/thread_port.ts";
import { ThreadSlots } from "../../workers/thread_slots.ts";
import { type RedactingLog, redactingLog } from "../redacting_log.ts";
import { logStrayFailures } from "../stray_failures.ts";

type MainPort = ThreadPort<MainMethods & ManagementMethods>;

/** Serves requests as the main thread tells it to. `scope` is the global scope of the worker. */
export function serveAsThread(scope: Channel): void {
  let thread: ServingThread | undefined;
  const opened = (): ServingThread => {
    if (thread === undefined) throw new TypeError("The thread has not started.");
    return thread;
  };
  const offered: ThreadMethods = {
    async start(start) {
      thread = await ServingThread.open(port, start);
      return { hostname: thread.hostname };
    },
    configure: (loaded) => opened().configure(loaded),
    drain: (deadlineMs) => opened().drain(deadlineMs),
    announceDrain: () => opened().app.announceDrain(),
    learnGuess: (guess) => opened().app.gate.learnGuess(guess),
    wait: (group, waitMs) => opened().app.gate.wait(group, waitMs),
  };
  const port = new ThreadPort<MainMethods & ManagementMethods>(scope, {
    offered: { ...offered },
    onUnexpected: (error) => thread?.log("error", "unexpected", { detail: traceOf(error) }),
  });
}

/** The proxy of one thread. */
class ServingThread {
  readonly app: App;
  readonly log: Log;
  readonly #server: RunningServer;
  readonly #ports: SharedPorts;
  readonly #slots: Readonly<Record<SlotUse, ThreadSlots>>;
  readonly #configureLog: (config: Config) => void;
  readonly #management: ThreadManagement | undefined;

  private constructor(
    config: Config,
    { port, start: { ports, slots: buffers }, log: { log, configure }, management }: {
      port: MainPort;
      start: ThreadStart;
      log: RedactingLog;
      management: ThreadManagement | undefined;
    },
  ) {
    this.log = log;
    this.#configureLog = configure;
    this.#ports = ports;
    this.#management = management;
    const slotsFor = (use: SlotUse) =>
      new ThreadSlots(config.server.concurrency, {
        use,
        counts: new SlotCounts(buffers[use].counts),
        own: new OwnSlots(buffers[use].own),
        calls: {
          acquire: (use, request) => port.call("acquireSlot", use, request),
          release: (use, id) => port.send("releaseSlot", use, id),
          freed: (use) => port.send("slotFreed", use),
        },
      });
    this.#slots = { "running": slotsFor("running"), "sending a body": slotsFor("sending a body") };
    this.app = createApp(config, {
      log,
      management,
      shared: {
        slots: this.#slots.running,
        receivingSlots: this.#slots["sending a body"],
        onGuess: (guess) => port.send("guessed", guess),
      },
    });
    this.#server = startEngine(this.app, threadServer(config.server, ports), log, {
      onRenewed: (tls) => port.send("renewed", tls),
    });
    logStrayFailures(log);
  }

  /** Opens the proxy, and listens. Throws the errors of `Deno.listen`. */
  static async open(port: MainPort, start: ThreadStart): Promise<ServingThread> {
    const config = await configOf(start.loaded);
    const log = redactingLog(config, {
      write: (text) => port.sendLater("write", text),
      worker: start.worker,
    });
    const management = await openManagement(config, { port, start, log });
    if (management !== undefined) port.offer({ ...management.offered() });
    return new ServingThread(config, { port, start, log, management });
  }

  get hostname(): string {
    return this.#server.address.hostname;
  }

  async configure(loaded: ThreadConfig): Promise<void> {
    const config = await configOf(loaded);
    this.#configureLog(config);
    this.app.configure(config);
    this.#server.configure(threadServer(config.server, this.#ports));
  }

  async drain(deadlineMs: number): Promise<void> {
    await this.#server.drain(deadlineMs);
    this.app.close();
    await this.#management?.close();
  }
}

/** Opens the management plane of the thread. Its code is loaded only if the plane is on. */
async function openManagement(
  { management: config }: Config,
  { port, start: { managementState: state, ports }, log: { log, redact } }: {
    port: MainPort;
    start: ThreadStart;
    log: RedactingLog;
  },
): Promise<ThreadManagement | undefined> {
  if (config === undefined || state === undefined) return undefined;
  const { ThreadManagement } = await import("../../management/threads/thread_management.ts");
  return await ThreadManagement.open(config, {
    log,
    clock: systemClock,
    onSecrets: redact,
    port,
    state,
    ports,
  });
}

async function configOf({ snapshot, flags }: ThreadConfig): Promise<Config> {
  return (await loadConfig(sourcesOf(snapshot), flags)).config;
}

/**
 * Returns the settings of the server for one thread. It uses the shared ports, and a part of the allowed
 * connections.
 */
function threadServer(server: ServerConfig, { port, httpsPort, adminPort }: SharedPorts): ServerConfig {
  const { connections, workers } = server;
  const maxConnections = Math.max(1, Math.floor(connections.maxConnections / workers));
  return {
    ...server,
    port,
    ...(httpsPort !== undefined && { httpsPort }),
    ...(adminPort !== undefined && { adminPort }),
    connections: { ...connections, maxConnections },
  };
}
