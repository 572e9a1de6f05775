import { connectionToClose } from "./connection_to_close.ts";
import type { ServedConnection } from "./served_connection.ts";

/** The open connections of a server. They share its limit, its timeouts and its shutdown. */
export class OpenConnections {
  readonly #connections = new Set<ServedConnection>();
  /** The running work for accepted connections. */
  readonly #serving = new Set<Promise<void>>();
  readonly #now: () => number;
  #isFinishing = false;

  /** `now` returns milliseconds of a monotonic clock. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Makes {@link finish} wait for the work on an accepted connection. The promise never rejects. */
  track(serving: Promise<void>): void {
    const tracked = serving.finally(() => this.#serving.delete(tracked));
    this.#serving.add(tracked);
  }

  /** Includes a connection in the limits, the timeouts and the shutdown while `work` runs. */
  async during<Result>(connection: ServedConnection, work: () => Promise<Result>): Promise<Result> {
    this.#connections.add(connection);
    if (this.#isFinishing) connection.finish();
    try {
      return await work();
    } finally {
      this.#connections.delete(connection);
    }
  }

  /**
   * Whether there is room for a new connection. If not, closes the least useful connection. `false` if all
   * connections are in use.
   */
  hasRoom(maxConnections: number): boolean {
    if (this.#connections.size < maxConnections) return true;
    const closed = connectionToClose(this.#connections, this.#now());
    if (closed === undefined) return false;
    this.#connections.delete(closed);
    closed.close();
    return true;
  }

  /**
   * Ends requests and idle connections that have exceeded a timeout. The server calls it every 5 seconds
   * (`SWEEP_MS`).
   */
  endOverdue(): void {
    for (const connection of this.#connections) connection.endOverdue();
  }

  /**
   * Closes idle connections now, and all others after their running requests. Resolves when all connections
   * have ended.
   */
  async finish(): Promise<void> {
    if (!this.#isFinishing) {
      this.#isFinishing = true;
      for (const connection of this.#connections) connection.finish();
    }
    await Promise.all(this.#serving);
  }

  /** Closes all connections at once. */
  close(): void {
    for (const connection of this.#connections) connection.close();
  }
}
