import type { PoolLimits } from "../../config/config.ts";
import type { UpstreamConnection } from "./connection.ts";

/** Without an idle limit a connection stays until its upstream ends it. */
const LONGEST_SWEEP_MS = 60_000;

/** The idle connections to one origin. */
export class ConnectionPool {
  readonly #limits: PoolLimits;
  #idle: { readonly connection: UpstreamConnection; readonly since: number }[] = [];
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
      const entry = this.#idle.pop();
      if (this.#idle.length === 0) this.#stopSweeping();
      if (entry === undefined || entry.connection.isUsable) return entry?.connection;
      entry.connection.close();
    }
  }

  /** Keeps a connection for the next request. Closes it where the pool is full or closed. */
  keep(connection: UpstreamConnection): void {
    if (this.#closed || this.#idle.length >= this.#limits.maxIdle) return connection.close();
    this.#idle.push({ connection, since: performance.now() });
    connection.watch(() => this.#idle.some((entry) => entry.connection === connection));
    this.#sweep ??= setInterval(() => this.#closeOld(), Math.min(this.#limits.idleMs / 2, LONGEST_SWEEP_MS));
  }

  /** Closes all idle connections. From now on the pool keeps none. */
  close(): void {
    this.#closed = true;
    this.#stopSweeping();
    for (const { connection } of this.#idle.splice(0)) connection.close();
  }

  #closeOld(): void {
    const oldest = performance.now() - this.#limits.idleMs;
    for (const { connection, since } of this.#idle) {
      if (since < oldest) connection.close();
    }
    this.#idle = this.#idle.filter(({ connection }) => !connection.closed);
    if (this.#idle.length === 0) this.#stopSweeping();
  }

  #stopSweeping(): void {
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
