/**
 * The runtime fires a timer with a longer delay at once. A list whose timer fires too early sets it again.
 */
const LONGEST_MS = 2 ** 31 - 1;
/** Lists of the usual delays are kept while they are empty. */
const MAX_EMPTY_LISTS = 64;

/**
 * Timers that cost little to set and to cancel. Nearly every timeout of a proxy is cancelled: a timer of the
 * runtime costs more than a microsecond each time, a list of timers with the same delay a twentieth of it.
 * Such a list is in the order of its deadlines by itself, so one timer of the runtime serves all of it.
 */
export class TimerLists {
  readonly #lists = new Map<number, TimerList>();

  /**
   * Calls `then` once after the delay in milliseconds, rounded up. The returned function cancels the call.
   */
  after(delayMs: number, then: () => void): () => void {
    const wholeMs = Math.ceil(delayMs);
    let list = this.#lists.get(wholeMs);
    if (list === undefined) {
      list = new TimerList(wholeMs, () => {
        if (this.#lists.size > MAX_EMPTY_LISTS) this.#lists.delete(wholeMs);
      });
      this.#lists.set(wholeMs, list);
    }
    return list.add(then);
  }
}

interface Entry {
  readonly dueAt: number;
  readonly then: () => void;
  previous: Entry | undefined;
  next: Entry | undefined;
}

/** Timers with the same delay, the earliest first. */
class TimerList {
  readonly #delayMs: number;
  readonly #onEmpty: () => void;
  #first: Entry | undefined;
  #last: Entry | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(delayMs: number, onEmpty: () => void) {
    this.#delayMs = delayMs;
    this.#onEmpty = onEmpty;
  }

  add(then: () => void): () => void {
    const dueAt = performance.now() + this.#delayMs;
    const entry: Entry = { dueAt, then, previous: this.#last, next: undefined };
    if (this.#last === undefined) this.#first = entry;
    else this.#last.next = entry;
    this.#last = entry;
    this.#wakeAfter(this.#delayMs);
    return () => this.#remove(entry);
  }

  /** Does nothing if the entry was removed already. */
  #remove(entry: Entry): void {
    const { previous, next } = entry;
    if (previous === undefined && this.#first !== entry) return;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    entry.previous = entry.next = undefined;
    if (this.#first !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#onEmpty();
  }

  #wakeAfter(delayMs: number): void {
    this.#timer ??= setTimeout(() => this.#fire(), Math.min(delayMs, LONGEST_MS));
  }

  #fire(): void {
    this.#timer = undefined;
    const now = performance.now();
    try {
      while (this.#first !== undefined && this.#first.dueAt <= now) {
        const { then } = this.#first;
        this.#remove(this.#first);
        then();
      }
    } finally {
      if (this.#first !== undefined) this.#wakeAfter(Math.max(1, Math.ceil(this.#first.dueAt - now)));
    }
  }
}
