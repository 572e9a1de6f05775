import type { PoolLimits } from "../../config/config.ts";
import type { UpstreamConnection } from "./connection.ts";

/** Without an idle limit a connection stays until its upstream ends it. */
const LONGEST_SWEEP_MS = 60_000;

/** The idle connections to one origin. */
export class ConnectionPool {
  readonly #limits: PoolLimits;
  /** The one that was used last is the last. */
  #idle: UpstreamConnection[] = [];
  #closed = false;
  #sweep: ReturnType<typeof setInterval> | undefined;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  /** The number of idle connections. */
  get size(): number {
    return this.#idle.length;
  }

  /** Takes the usable connection that was used last. Undefined: no connection is usable. */
  take(): UpstreamConnection | undefined {
    while (true) {
      const connection = this.#idle.pop();
      if (connection === undefined || connection.isUsable) return connection;
      connection.close();
    }
  }

  /** Keeps a connection for the next request. Closes it where the pool is full or closed. */
  keep(connection: UpstreamConnection): void {
    if (this.#closed || this.#idle.length >= this.#limits.maxIdle) return connection.close();
    this.#idle.push(connection);
    connection.idle(performance.now());
    this.#sweep ??= setInterval(() => this.#closeOld(), Math.min(this.#limits.idleMs / 2, LONGEST_SWEEP_MS));
  }

  /** Closes all idle connections. From now on the pool keeps none. */
  close(): void {
    this.#closed = true;
    this.#stopSweeping();
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  #closeOld(): void {
    const oldest = performance.now() - this.#limits.idleMs;
    for (const connection of this.#idle) {
      if ((connection.idleSince ?? Infinity) < oldest) connection.close();
    }
    this.#idle = this.#idle.filter(({ closed }) => !closed);
    if (this.#idle.length === 0) this.#stopSweeping();
  }

  #stopSweeping(): void {
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
