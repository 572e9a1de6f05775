import type { PoolLimits } from "../../config/config.ts";
import type { UpstreamConnection } from "./connection.ts";

/** Without an idle limit a connection stays until its upstream ends it. */
const LONGEST_SWEEP_MS = 60_000;

/** The idle connections to one origin. */
export class ConnectionPool {
  readonly #limits: PoolLimits;
  /** In the order of their last use. */
  #idle: UpstreamConnection[] = [];
  #closed = false;
  /**
   * The number of sweeps so far. It is the clock of the pool, because reading a clock costs more than the
   * rest.
   */
  #sweeps = 0;
  readonly #sweepMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
    this.#sweepMs = Math.min(limits.idleMs / 2, LONGEST_SWEEP_MS);
  }

  /** The number of idle connections. */
  get size(): number {
    return this.#idle.length;
  }

  /** Takes the usable connection that was used last. `undefined` if no connection is usable. */
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
    connection.idle(this.#sweeps);
    this.#timer ??= setInterval(() => this.#sweep(), this.#sweepMs);
  }

  /** Closes all idle connections. From now on the pool keeps none. */
  close(): void {
    this.#closed = true;
    this.#stopSweeping();
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** Closes connections that have been idle for longer than the limit. */
  #sweep(): void {
    const newest = ++this.#sweeps - this.#limits.idleMs / this.#sweepMs;
    for (const connection of this.#idle) {
      if ((connection.idleSince ?? Infinity) < newest) connection.close();
    }
    this.#idle = this.#idle.filter(({ closed }) => !closed);
    if (this.#idle.length === 0) this.#stopSweeping();
  }

  #stopSweeping(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
