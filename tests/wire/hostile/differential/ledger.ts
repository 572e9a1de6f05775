/** What servers have read, by the case that it belongs to. */

import type { EchoRecord } from "./echo_record.ts";
import { markersIn } from "./marker.ts";

/** Beyond what anything here takes on a busy machine. */
const DEADLINE_MS = 10_000;

/** What reached a server of one case. */
export interface CaseArrivals {
  readonly records: EchoRecord[];
  /** Bytes that were no request. */
  readonly violations: string[];
}

/** All that one server has read through proxies. */
export class Ledger {
  readonly #cases = new Map<number, CaseArrivals>();
  readonly #awaited = new Map<string, () => void>();

  /** A server has read a request. */
  record(record: EchoRecord): void {
    this.#awaited.get(record.target)?.();
    // What came directly is compared by its answers.
    if (record.via === "") return;
    this.#arrivals(record.target).records.push(record);
  }

  /** A server got what is no request. */
  violation(behind: string, reason: string): void {
    this.#arrivals(behind).violations.push(`${reason} (behind ${behind})`);
  }

  /**
   * Resolves once a request for that target has been read, behind all that was answered before. Rejects where
   * it is late.
   */
  async seen(target: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#awaited.set(target, resolve);
    const timer = setTimeout(
      () => reject(new Error(`The server's record of ${target} is late`)),
      DEADLINE_MS,
    );
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#awaited.delete(target);
    }
  }

  /** What a case has brought; it is forgotten with that. */
  take(number: number): CaseArrivals {
    const arrivals = this.#cases.get(number) ?? { records: [], violations: [] };
    this.#cases.delete(number);
    return arrivals;
  }

  /** What has come since its case was taken, by the case's number; a number below zero belongs to none. */
  takeRest(): [number: number, arrivals: CaseArrivals][] {
    const rest = [...this.#cases];
    this.#cases.clear();
    return rest;
  }

  #arrivals(target: string): CaseArrivals {
    const number = markersIn(target)[0]?.number ?? -1;
    let arrivals = this.#cases.get(number);
    if (arrivals === undefined) {
      arrivals = { records: [], violations: [] };
      this.#cases.set(number, arrivals);
    }
    return arrivals;
  }
}
