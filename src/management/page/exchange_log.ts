/** The exchanges that the live page knows: each once, the newest first. */

import type { Exchange } from "./api.ts";

/** What is told of an exchange that runs. */
export type Running = Pick<
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

/** What tells a row from others: what an object used has the id of the request that made the object. */
export function rowKey(one: Running | Exchange): string {
  const isSettlement = "settlement" in one && one.settlement === "settled";
  return isSettlement ? `${one.request_id} settled ${one.model_answered}` : one.request_id;
}

/** More are not kept: the oldest are forgotten. */
const MAX_ENDED = 5_000;

/** Told by the API's events and lists, in whatever order they come. */
export class ExchangeLog {
  #running = new Map<string, Running>();
  #ended = new Map<string, Exchange>();

  get runningCount(): number {
    return this.#running.size;
  }

  has(exchange: Exchange): boolean {
    return this.#ended.has(rowKey(exchange));
  }

  /** All that run at the moment. */
  running(all: readonly Running[]): void {
    this.#running = new Map();
    for (const one of all) this.started(one);
  }

  started(one: Running): void {
    // What was told late has ended since.
    if (!this.#ended.has(one.request_id)) this.#running.set(one.request_id, one);
  }

  /** Those that have ended, among them some that are known. */
  ended(exchanges: readonly Exchange[]): void {
    for (const one of exchanges) {
      const key = rowKey(one);
      this.#running.delete(key);
      this.#ended.set(key, one);
    }
    if (this.#ended.size > MAX_ENDED) {
      this.#ended = new Map(this.#sorted().map((one) => [rowKey(one), one]));
    }
  }

  /** Forgets all that have ended. */
  clear(): void {
    this.#ended.clear();
  }

  /** Those that run before those that have ended. */
  list(): (Running | Exchange)[] {
    return [...[...this.#running.values()].toSorted(newestFirst), ...this.#sorted()];
  }

  #sorted(): Exchange[] {
    return [...this.#ended.values()].toSorted(newestFirst).slice(0, MAX_ENDED);
  }
}

function newestFirst(one: Running, other: Running): number {
  return one.started_at < other.started_at ? 1 : one.started_at > other.started_at ? -1 : 0;
}
