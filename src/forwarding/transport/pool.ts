import type { PoolLimits } from "../../config/config.ts";
import type { UpstreamConnection } from "./connection.ts";

/** Without a limit a connection lasts until its upstream ends it. */
const LONGEST_SWEEP_MS = 60_000;

/** Idle connections to one origin, the most recently used on top. */
export class ConnectionPool {
  readonly #limits: PoolLimits;
  #idle: { readonly connection: UpstreamConnection; readonly since: number }[] = [];
  #closed = false;
  #sweep: ReturnType<typeof setInterval> | undefined;

  constructor(limits: PoolLimits) {
    this.#limits = limits;
  }

  /** Idle connections now. */
  get size(): number {
    return this.#idle.length;
  }

  /** The connection that was used last, if one is left that still lives. */
  take(): UpstreamConnection | undefined {
    while (true) {
      const entry = this.#idle.pop();
      if (this.#idle.length === 0) this.#stopSweeping();
      if (entry === undefined || entry.connection.isUsable) return entry?.connection;
      entry.connection.close();
    }
  }

  /** Keeps a connection for the next request, or closes it where there are enough. */
  keep(connection: UpstreamConnection): void {
    if (this.#closed || this.#idle.length >= this.#limits.maxIdle) return connection.close();
    this.#idle.push({ connection, since: performance.now() });
    connection.watch(() => this.#idle.some((entry) => entry.connection === connection));
    this.#sweep ??= setInterval(() => this.#closeOld(), Math.min(this.#limits.idleMs / 2, LONGEST_SWEEP_MS));
  }

  /** From now on nothing is kept. */
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
