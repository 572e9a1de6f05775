/** A thread with a connection to the database. It starts at the first call. */

import { StoreError } from "../store.ts";
import type { ArgumentsOf, Operations, ResultOf } from "./operations.ts";
import type { CallMessage, OpenMessage, ReplyMessage } from "./thread_messages.ts";

/** The URL of the worker's source. In the compiled program it is an embedded file. */
export const STORE_WORKER = new URL("./store_worker.ts", import.meta.url);

interface Call {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Runs operations on a thread, in the order of their calls. */
export class DatabaseThread {
  readonly #file: OpenMessage;
  readonly #name: string;
  readonly #calls = new Map<number, Call>();
  #worker: Worker | undefined;
  #isClosed = false;
  #count = 0;

  /** `name` is the name of the thread in the runtime's messages. */
  constructor(file: OpenMessage, name: string) {
    this.#file = file;
    this.#name = name;
  }

  /** Whether the thread has started, and has not ended. */
  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** Runs an operation. Rejects with a {@link StoreError}. */
  run<Name extends keyof Operations>(name: Name, args: ArgumentsOf<Name>): Promise<ResultOf<Name>> {
    return this.#call(name, args);
  }

  /** Closes the connection after the calls before, and ends the thread. Later calls reject. */
  async close(): Promise<void> {
    const closed = this.#worker === undefined ? undefined : this.#call("close", []);
    this.#isClosed = true;
    await closed;
    this.stop();
  }

  /**
   * Rejects the calls that run, and later ones. Waits until the thread has closed the file, for at most
   * `limitMs`, and ends the thread. A thread that is ended while a call runs closes the file later: if it is
   * the last one that has it open, the write-ahead log stays beside the file.
   */
  async abandon(limitMs: number): Promise<void> {
    const lost = [...this.#calls.values()];
    this.#calls.clear();
    const closed = this.#worker === undefined ? undefined : this.#call("close", []);
    this.#isClosed = true;
    for (const { reject } of lost) reject(this.#ended("the program ends"));
    // Also a thread that fails has no file open.
    if (closed !== undefined) await settlesWithin(closed, limitMs);
    this.stop();
  }

  /**
   * Ends the thread without waiting for its calls. They and later calls reject. SQLite rolls back an open
   * transaction.
   */
  stop(): void {
    this.#isClosed = true;
    this.#worker?.terminate();
    this.#fail("the program ends");
  }

  #call<Result>(name: string, args: readonly unknown[]): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) return reject(this.#ended("the program ends"));
      const worker = this.#worker ??= this.#start();
      const id = this.#count++;
      const message: CallMessage = { id, name, args };
      worker.postMessage(message);
      // The worker replies with the result of the operation of this name.
      this.#calls.set(id, { resolve: (result) => resolve(result as Result), reject });
    });
  }

  #start(): Worker {
    const worker = new Worker(STORE_WORKER, { type: "module", name: this.#name });
    worker.onmessage = ({ data }: MessageEvent<ReplyMessage>) => this.#settle(data);
    worker.onerror = (event) => {
      event.preventDefault();
      worker.terminate();
      // The next call starts another thread.
      if (worker === this.#worker) this.#fail(event.message);
    };
    worker.postMessage(this.#file);
    return worker;
  }

  #settle(reply: ReplyMessage): void {
    const call = this.#calls.get(reply.id);
    this.#calls.delete(reply.id);
    if ("result" in reply) return call?.resolve(reply.result);
    const { kind, message } = reply;
    call?.reject(kind === undefined ? new Error(message) : new StoreError(kind, message));
  }

  #fail(reason: string): void {
    this.#worker = undefined;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { reject } of calls) reject(this.#ended(reason));
  }

  #ended(reason: string): StoreError {
    return new StoreError("io_error", `the thread of ${this.#file.path} ended: ${reason}`);
  }
}

/** Waits until a promise has settled, for at most `limitMs`. */
async function settlesWithin(promise: Promise<unknown>, limitMs: number): Promise<void> {
  const { promise: expired, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([Promise.allSettled([promise]), expired]);
  clearTimeout(timer);
}
