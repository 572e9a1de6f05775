/** A server with several threads, which listen on the same ports. */

import type { App } from "../../app.ts";
import type { ServerConfig, TlsConfig } from "../../config/config.ts";
import type { SlotUse } from "../../capacity/concurrency_limiter.ts";
import type { Log } from "../../observability/log.ts";
import { endsWithin } from "../../server/ends_within.ts";
import type { RunningServer } from "../../server/running_server.ts";
import { messageOf, traceOf } from "../../text/error_text.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import { GrantedSlots } from "../../workers/granted_slots.ts";
import type { SharedPorts, ThreadConfig } from "../../workers/methods.ts";
import { freePorts } from "./free_ports.ts";
import { ServingThread, type ServingThreadParts, type ThreadService } from "./serving_thread.ts";

/** The source of a serving thread. In the compiled program it is an embedded file. */
export const SERVING_WORKER = new URL("./serving_worker.ts", import.meta.url);

/** How much longer than the drain deadline a thread may take to end its connections, in milliseconds. */
const AFTER_DRAIN_MS = 5_000;
/** A thread that ends sooner than this after its start, in milliseconds, is replaced only after a pause. */
const STABLE_MS = 10_000;
/**
 * The first pause before such a thread is replaced, in milliseconds. It doubles with each further end, up to
 * the longest pause.
 */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/** The parts of the program that a {@link WorkerServer} uses. */
export interface WorkerServerParts {
  /** The proxy of the main thread, which serves no clients. */
  readonly app: Pick<App, "drain" | "gate" | "watchWaits">;
  readonly log: Log;
  /** Writes the lines that threads log. */
  readonly write: (text: string) => void;
  /** Returns the data from which the threads load the present configuration. */
  readonly loaded: () => ThreadConfig;
  /** Called when the threads begin to use another certificate. */
  readonly onRenewed?: ((tls: TlsConfig) => void) | undefined;
  /** Serves threads for the management plane. `undefined` if it is off. */
  readonly managed?: ServingThreadParts["managed"];
  readonly clock?: Clock;
  /** Starts a worker with a name. By default, it runs {@link SERVING_WORKER}. */
  readonly startWorker?: (name: string) => Worker;
}

/** Serves requests with `workers` threads. A thread that fails is replaced. */
export class WorkerServer implements RunningServer {
  readonly #parts: WorkerServerParts;
  readonly #clock: Clock;
  readonly #ports: SharedPorts;
  readonly #slots: Readonly<Record<SlotUse, GrantedSlots>>;
  readonly #threads = new Map<number, ServingThread>();
  /** For each worker, when its thread began, and the pause before the next thread. */
  readonly #starts = new Map<number, { readonly at: number; readonly pauseMs: number }>();
  readonly #stopTimers = new Set<() => void>();
  #hostname = "";
  #draining: Promise<void> | undefined;

  private constructor(config: ServerConfig, parts: WorkerServerParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    // If sockets share a port, they do not notice another program there. So the ports are checked first.
    this.#ports = freePorts(config);
    const { concurrency } = config;
    const slots = (use: SlotUse) => new GrantedSlots(concurrency, { clock: this.#clock, use });
    parts.app.watchWaits((group, waitMs) => {
      for (const { port } of this.#threads.values()) port.send("wait", group, waitMs);
    });
    this.#slots = { "running": slots("running"), "sending a body": slots("sending a body") };
  }

  /** Starts the threads. Throws the error of `Deno.listen` if they cannot listen. */
  static async start(config: ServerConfig, parts: WorkerServerParts): Promise<WorkerServer> {
    const server = new WorkerServer(config, parts);
    const numbers = Array.from({ length: config.workers }, (_, index) => index + 1);
    try {
      await Promise.all(numbers.map((number) => server.#start(number)));
    } catch (error) {
      server.#stop();
      throw error;
    }
    return server;
  }

  get address(): Deno.NetAddr {
    return this.#addressOf(this.#ports.port);
  }

  get httpsAddress(): Deno.NetAddr | undefined {
    const { httpsPort } = this.#ports;
    return httpsPort === undefined ? undefined : this.#addressOf(httpsPort);
  }

  get adminAddress(): Deno.NetAddr | undefined {
    const { adminPort } = this.#ports;
    return adminPort === undefined ? undefined : this.#addressOf(adminPort);
  }

  /** Resolves when all threads use the present configuration. */
  async configure({ concurrency }: ServerConfig): Promise<void> {
    for (const slots of Object.values(this.#slots)) slots.configure(concurrency);
    await Promise.all([...this.#threads.values()].map((thread) => this.#configure(thread)));
  }

  announceDrain(): void {
    for (const { port } of this.#threads.values()) port.send("announceDrain");
  }

  drain(deadlineMs: number): Promise<void> {
    return this.#draining ??= this.#drain(deadlineMs);
  }

  async #drain(deadlineMs: number): Promise<void> {
    this.#parts.app.drain();
    for (const stop of this.#stopTimers) stop();
    const drained = [...this.#threads.values()].map((thread) =>
      // If a thread ends in the meantime, it has no connections left.
      thread.port.call("drain", deadlineMs).catch(() => {})
    );
    await endsWithin(Promise.all(drained), deadlineMs + AFTER_DRAIN_MS);
    this.#stop();
  }

  #stop(): void {
    for (const thread of this.#threads.values()) thread.stop();
    this.#threads.clear();
  }

  #addressOf(port: number): Deno.NetAddr {
    return { transport: "tcp", hostname: this.#hostname, port };
  }

  async #start(number: number): Promise<void> {
    const { startWorker = startServingWorker, loaded, log, managed } = this.#parts;
    const thread = new ServingThread({
      number,
      startWorker,
      service: this.#service,
      slots: this.#slots,
      managed,
      onEnded: (ended, reason) => this.#ended(ended, reason),
      onUnexpected: (error) => log("error", "unexpected", { worker: number, detail: traceOf(error) }),
    });
    const now = this.#clock.now();
    this.#starts.set(number, { at: now, pauseMs: this.#starts.get(number)?.pauseMs ?? FIRST_PAUSE_MS });
    this.#threads.set(number, thread);
    const used = loaded();
    this.#hostname = (await thread.start(used, this.#ports)).hostname;
    // A reload during the start did not reach the thread, so it gets the configuration now.
    if (loaded() !== used) await this.#configure(thread);
  }

  async #configure(thread: ServingThread): Promise<void> {
    try {
      await thread.port.call("configure", this.#parts.loaded());
    } catch (error) {
      // If the thread has ended, the thread that replaces it uses the new configuration.
      if (this.#threads.get(thread.number) !== thread) return;
      this.#parts.log("error", "unexpected", { worker: thread.number, detail: traceOf(error) });
    }
  }

  #ended(thread: ServingThread, reason: string): void {
    const { number, ownSlots } = thread;
    this.#threads.delete(number);
    this.#slots.running.threadEnded(thread, ownSlots.running);
    this.#slots["sending a body"].threadEnded(thread, ownSlots["sending a body"]);
    if (this.#hostname === "" || this.#draining !== undefined) return;
    this.#parts.log("error", "worker_ended", { worker: number, detail: reason });
    this.#replace(number);
  }

  /** Starts another thread in the place of a thread that has ended. */
  #replace(number: number): void {
    const { at = -Infinity, pauseMs = FIRST_PAUSE_MS } = this.#starts.get(number) ?? {};
    const isStable = this.#clock.now() - at >= STABLE_MS;
    const nextPauseMs = isStable ? FIRST_PAUSE_MS : Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    this.#starts.set(number, { at, pauseMs: nextPauseMs });
    const start = (): void => {
      this.#stopTimers.delete(stopTimer);
      this.#start(number).then(
        () => this.#parts.log("info", "worker_started", { worker: number }),
        (error) => this.#notStarted(number, error),
      );
    };
    const stopTimer = this.#clock.after(isStable ? 0 : pauseMs, start);
    this.#stopTimers.add(stopTimer);
  }

  #notStarted(number: number, error: unknown): void {
    const thread = this.#threads.get(number);
    // If the thread has ended, it was already replaced.
    if (thread === undefined || this.#draining !== undefined) return;
    thread.stop();
    this.#threads.delete(number);
    this.#parts.log("error", "worker_ended", { worker: number, detail: messageOf(error) });
    this.#replace(number);
  }

  readonly #service: ThreadService = {
    write: (_thread, text) => this.#parts.write(text),
    guessed: (thread, guess) => {
      for (const other of this.#threads.values()) if (other !== thread) other.port.send("learnGuess", guess);
      // Only the main thread shares wrong tokens with other replicas.
      this.#parts.app.gate.recordGuess(guess.address, guess.guess, guess.place);
    },
    acquireSlot: (thread, use, request) => this.#slots[use].acquire(thread, request),
    releaseSlot: (thread, use, id) => this.#slots[use].release(thread, id),
    renewed: (thread, tls) => {
      // All threads watch the same files, so the report of one thread is enough.
      if (thread.number === 1) this.#parts.onRenewed?.(tls);
    },
    slotFreed: (_thread, use) => this.#slots[use].freed(),
  };
}

/**
 * The permissions of a thread. They are those of the program, but a thread writes no files. The program has
 * already given up the right to start programs. The thread itself must not revoke a right, because that would
 * revoke it for the whole process.
 */
const THREAD_PERMISSIONS: Deno.PermissionOptionsObject = {
  net: "inherit",
  read: "inherit",
  env: "inherit",
  sys: "inherit",
  import: "inherit",
  write: false,
  run: false,
  ffi: false,
};

function startServingWorker(name: string): Worker {
  return new Worker(SERVING_WORKER, { type: "module", name, deno: { permissions: THREAD_PERMISSIONS } });
}
