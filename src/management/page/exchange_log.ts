/** The requests that the page "Requests" knows: each once, the newest first. */

import type { Exchange } from "./api.ts";

/** A request that is still running, as the API's live events describe it. */
export type RunningExchange = Pick<
  Exchange,
  | "request_id"
  | "started_at"
  | "endpoint"
  | "backend"
  | "principal"
  | "token_id"
  | "client"
  | "stream"
  | "model_asked"
  | "bytes"
>;

/**
 * The key of a row. The row of an object's usage has the request id of the request that created the object,
 * so its key also contains the model.
 */
export function rowKey(exchange: RunningExchange | Exchange): string {
  const isSettlement = "settlement" in exchange && exchange.settlement === "settled";
  return isSettlement ? `${exchange.request_id} settled ${exchange.model_answered}` : exchange.request_id;
}

/** The log drops the oldest requests beyond this number. */
const MAX_ENDED = 5_000;

/** Merges the API's live events and lists, which may arrive in any order and overlap. */
export class ExchangeLog {
  #running = new Map<string, RunningExchange>();
  #ended = new Map<string, Exchange>();

  /** The number of running requests. */
  get runningCount(): number {
    return this.#running.size;
  }

  /** Whether the log holds a request that has ended. */
  has(exchange: Exchange): boolean {
    return this.#ended.has(rowKey(exchange));
  }

  /** Replaces all running requests. */
  setRunning(all: readonly RunningExchange[]): void {
    this.#running = new Map();
    for (const exchange of all) this.addRunning(exchange);
  }

  /** Adds a request that has started. */
  addRunning(exchange: RunningExchange): void {
    // The event can arrive after a list that holds the same request as ended.
    if (!this.#ended.has(exchange.request_id)) this.#running.set(exchange.request_id, exchange);
  }

  /** Adds requests that have ended. Some of them may be in the log already. */
  addEnded(exchanges: readonly Exchange[]): void {
    for (const exchange of exchanges) {
      const key = rowKey(exchange);
      this.#running.delete(key);
      this.#ended.set(key, exchange);
    }
    if (this.#ended.size > MAX_ENDED) {
      this.#ended = new Map(this.#sorted().map((exchange) => [rowKey(exchange), exchange]));
    }
  }

  /** Removes all requests that have ended. */
  clearEnded(): void {
    this.#ended.clear();
  }

  /** All requests: first the running ones, then those that have ended. */
  list(): (RunningExchange | Exchange)[] {
    return [...[...this.#running.values()].toSorted(newestFirst), ...this.#sorted()];
  }

  #sorted(): Exchange[] {
    return [...this.#ended.values()].toSorted(newestFirst).slice(0, MAX_ENDED);
  }
}

function newestFirst(one: RunningExchange, other: RunningExchange): number {
  return one.started_at < other.started_at ? 1 : one.started_at > other.started_at ? -1 : 0;
}
