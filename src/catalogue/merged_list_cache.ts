/**
 * Keeps merged lists of models for some seconds, because every client with the same rules gets the same text.
 */

import type { MergedModel } from "./merged_list.ts";
import type { Clock } from "../time/clock.ts";

/** How long a list is used, in milliseconds. Prices and context windows may change meanwhile. */
const MAX_AGE_MS = 5_000;
/** How many lists are kept. */
const MOST_LISTS = 8;
/** How many bytes of text are kept together. The newest list may be longer. */
const MAX_BYTES = 16 * 1024 * 1024;

/** A list of the models of several endpoints. */
export interface MergedList {
  readonly models: readonly MergedModel[];
  /** The list as JSON text. */
  readonly text: Uint8Array;
}

interface Kept {
  readonly madeAt: number;
  readonly list: Promise<MergedList>;
  /** The size of the list in bytes. `undefined` while the list is made. */
  bytes: number | undefined;
}

/** The merged lists of one configuration. It makes one list at a time. */
export class MergedListCache {
  readonly #clock: Pick<Clock, "now">;
  /** By key, the newest last. */
  readonly #kept = new Map<string, Kept>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /**
   * The list of a key, which stands for everything that the list depends on. Requests at the same time share
   * it.
   */
  get(key: string, make: () => Promise<MergedList>): Promise<MergedList> {
    const now = this.#clock.now();
    const known = this.#kept.get(key);
    if (known !== undefined && now - known.madeAt < MAX_AGE_MS) return known.list;
    const list = this.#last.then(make);
    const kept: Kept = { madeAt: now, list, bytes: undefined };
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    this.#last = list.then(({ text }) => {
      kept.bytes = text.length;
      this.#trim(kept);
    }, () => {
      if (this.#kept.get(key) === kept) this.#kept.delete(key);
    });
    return list;
  }

  /** Forgets old lists, and the oldest ones if there are too many. */
  #trim(newest: Kept): void {
    const now = this.#clock.now();
    let bytes = 0;
    let count = 0;
    for (const [key, kept] of [...this.#kept].reverse()) {
      if (kept.bytes === undefined || kept === newest) continue;
      count++;
      bytes += kept.bytes;
      const isTooMuch = count >= MOST_LISTS || bytes + (newest.bytes ?? 0) > MAX_BYTES;
      if (isTooMuch || now - kept.madeAt >= MAX_AGE_MS) this.#kept.delete(key);
    }
  }
}
