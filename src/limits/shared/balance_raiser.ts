/** Raises shared counts to the spending in the database. */

import type { Clock } from "../../time/clock.ts";
import { messageOf } from "../../text/error_text.ts";
import type { LedgerBalance, Raise } from "./shared_limits.ts";
import { within } from "./within.ts";

/** What a {@link BalanceRaiser} needs of its replica. */
export interface RaiserParts {
  readonly clock: Clock;
  /** Reads what these ledgers have spent. Rejects if the database cannot be reached. */
  readonly readBalances: (keys: ReadonlySet<string>) => Promise<Raise>;
  /**
   * Raises the shared counts, if they do not have all of it. Returns `false` if they cannot be reached, and
   * never rejects.
   */
  readonly raise: (raise: Raise) => Promise<boolean>;
  /** Called when the shared counts have all balances of a read. */
  readonly onRaised: (raise: Raise) => void;
  /** The ledgers that must be raised, whether requests use them or not. */
  readonly heldKeys: () => Iterable<string>;
  /** Called if the balances could not be read. The reason is a text for the log. */
  readonly onFailed: (reason: string) => void;
}

/** How often the counts are raised. In milliseconds. */
export const RAISE_MS = 60_000;
/** How often the counts are raised while replicas with other counts use the database. In milliseconds. */
export const RAISE_BESIDE_MS = 5_000;
/**
 * How soon the balances under new limits are read while the shared counts are away, so that one read is for
 * many of them. In milliseconds.
 */
export const RAISE_ALONE_MS = 200;
/** How soon the counts are raised if some of them are certain to be too low. In milliseconds. */
export const RAISE_SOON_MS = 2_000;
/**
 * The longest time that a request waits for balances. Without them, each replica allows the whole budget, so
 * a slow database is better than none. In milliseconds.
 */
export const SEED_MS = 5_000;
/** The counts of a ledger that no request has used for this time need no raise. In milliseconds. */
const UNUSED_MS = 3_600_000;
/** The most ledgers of a raise whose balances have not changed, and that get further pages. */
const MAX_UNCHANGED = 100;

const NO_PAGES: Raise["pages"] = {};

/** What the shared counts have of a ledger. */
interface Raised {
  readonly balance: LedgerBalance;
  readonly pages: Raise["pages"];
}

interface SeedRun {
  readonly startedAt: number;
  readonly done: Promise<boolean>;
}

/**
 * Raises the counts of the ledgers that this replica uses. A request that needs a count gets it at once; all
 * counts are raised every {@link RAISE_MS}.
 */
export class BalanceRaiser {
  readonly #parts: RaiserParts;
  /** When a request last used each ledger. */
  readonly #usedAt = new Map<string, number>();
  /** What the shared counts have, so that only changes are sent. The latest ledger is at the end. */
  readonly #raised = new Map<string, Raised>();
  /** The ledgers that requests wait for. */
  #wanted = new Set<string>();
  #seeding: SeedRun | undefined;
  #seedingNext: Promise<boolean> | undefined;
  #isRaising = false;
  /** Whether another raise follows the running one, which may lack ledgers and spending. */
  #raisesAgain = false;
  #isClosed = false;
  #stop = (): void => {};
  #raiseAt = Infinity;

  constructor(parts: RaiserParts) {
    this.#parts = parts;
  }

  /** Records that a request uses ledgers whose counts depend on the database. */
  use(keys: Iterable<string>): void {
    const now = this.#parts.clock.now();
    for (const key of keys) this.#usedAt.set(key, now);
  }

  /** Whether a request has used one of these ledgers, whose counts depend on the database. */
  isUsed(keys: readonly string[]): boolean {
    return keys.some((key) => this.#usedAt.has(key));
  }

  /**
   * Raises the counts of ledgers that wait for it, from balances that are read from now on. Returns `false`
   * if this fails, or the read takes longer than {@link SEED_MS}.
   */
  async seed(keys: Iterable<string>): Promise<boolean> {
    const { clock, onFailed } = this.#parts;
    for (const key of keys) this.#wanted.add(key);
    const current = this.#seeding;
    // The database does not answer. Further requests do not wait for it again.
    if (current !== undefined && clock.now() - current.startedAt >= SEED_MS) return false;
    const done = current === undefined ? this.#startSeeding() : this.#seedingNext ??= this.#seedNext();
    try {
      return await within(done, { clock, timeoutMs: SEED_MS });
    } catch (error) {
      onFailed(messageOf(error));
      return false;
    }
  }

  /** Begins no raise any more. */
  close(): void {
    this.#isClosed = true;
    this.#stop();
  }

  /** Raises all counts soon. */
  raiseIn(delayMs: number): void {
    const { clock } = this.#parts;
    const at = clock.now() + delayMs;
    if (at >= this.#raiseAt) return;
    this.#stop();
    this.#raiseAt = at;
    this.#stop = clock.after(delayMs, () => {
      this.#raiseAt = Infinity;
      this.raiseIn(RAISE_MS);
      void this.#raiseNow();
    });
  }

  /** Raises all counts, after the raise that runs. */
  async #raiseNow(): Promise<void> {
    this.#raisesAgain = true;
    if (this.#isRaising) return;
    this.#isRaising = true;
    try {
      while (this.#raisesAgain && !this.#isClosed) {
        this.#raisesAgain = false;
        await this.#raiseAll();
      }
    } finally {
      this.#isRaising = false;
    }
  }

  #startSeeding(): Promise<boolean> {
    const done = this.#seedWanted().finally(() => this.#seeding = undefined);
    this.#seeding = { startedAt: this.#parts.clock.now(), done };
    return done;
  }

  /** Starts another run after the present one, because the present run has already read its balances. */
  async #seedNext(): Promise<boolean> {
    await this.#seeding?.done;
    this.#seedingNext = undefined;
    return await this.#startSeeding();
  }

  async #seedWanted(): Promise<boolean> {
    const wanted = this.#wanted;
    this.#wanted = new Set();
    const read = await this.#read(wanted);
    return read !== undefined && await this.#raise(read, read);
  }

  async #raiseAll(): Promise<void> {
    const unusedSince = this.#parts.clock.now() - UNUSED_MS;
    this.use(this.#parts.heldKeys());
    for (const [key, at] of this.#usedAt) {
      if (at > unusedSince) continue;
      this.#usedAt.delete(key);
      this.#raised.delete(key);
    }
    if (this.#usedAt.size === 0) return;
    const read = await this.#read(new Set(this.#usedAt.keys()));
    if (read === undefined) return this.raiseIn(RAISE_SOON_MS);
    await this.#raise(this.#changesOf(read), read);
  }

  /**
   * Returns what the shared counts lack of a read. A page of a ledger can be completed by a row of another
   * ledger, so a ledger also gets pages if its balance has not changed.
   */
  #changesOf({ from, balances, pages }: Raise): Raise {
    const changed: LedgerBalance[] = [];
    const unchanged = new Map<string, LedgerBalance>();
    /** The pages of these replicas are sent. */
    const replicas = new Set<string>();
    const missing = missingPages(pages);
    const send = (balance: LedgerBalance, known: Raise["pages"]) => {
      changed.push(balance);
      for (const replica of missing(known)) replicas.add(replica);
    };
    for (const balance of balances) {
      const known = this.#raised.get(balance.key);
      const change = known === undefined ? balance : changeOf(balance, known.balance);
      if (change !== undefined) send(change, known?.pages ?? NO_PAGES);
      else unchanged.set(balance.key, balance);
    }
    let left = MAX_UNCHANGED;
    for (const [key, known] of this.#raised) {
      const balance = unchanged.get(key);
      if (balance === undefined || missing(known.pages).size === 0) continue;
      if (left-- === 0) break;
      send({ ...balance, hours: [], isPart: true }, known.pages);
    }
    return { from, balances: changed, pages: pagesOf(pages, replicas) };
  }

  async #read(keys: ReadonlySet<string>): Promise<Raise | undefined> {
    const { readBalances, onFailed } = this.#parts;
    try {
      return await readBalances(keys);
    } catch (error) {
      onFailed(messageOf(error));
      return undefined;
    }
  }

  /** Sends what the shared counts lack of a read. */
  async #raise(sent: Raise, read: Raise): Promise<boolean> {
    const { raise, onRaised } = this.#parts;
    if (sent.balances.length > 0 && !await raise(sent)) return false;
    onRaised(read);
    const balances = new Map(read.balances.map((balance) => [balance.key, balance]));
    for (const { key } of sent.balances) {
      const balance = balances.get(key);
      if (balance === undefined || !this.#usedAt.has(key)) continue;
      this.#raised.delete(key);
      this.#raised.set(key, { balance, pages: read.pages });
    }
    return true;
  }
}

/**
 * Returns a function that says which replicas have other pages than those that a ledger has. Most ledgers
 * have the same pages.
 */
function missingPages(pages: Raise["pages"]): (known: Raise["pages"]) => ReadonlySet<string> {
  const found = new Map<Raise["pages"], ReadonlySet<string>>();
  return (known) => {
    let missing = found.get(known);
    if (missing === undefined) {
      missing = new Set(Object.keys(pages).filter((replica) => pages[replica] !== known[replica]));
      found.set(known, missing);
    }
    return missing;
  };
}

function pagesOf(pages: Raise["pages"], replicas: ReadonlySet<string>): Raise["pages"] {
  return Object.fromEntries(Object.entries(pages).filter(([replica]) => replicas.has(replica)));
}

/**
 * Returns the part of a balance that has changed. The shared counts may have lost the other parts, so the
 * result is marked as a part of the ledger. `undefined` if nothing has changed.
 */
function changeOf(balance: LedgerBalance, before: LedgerBalance): LedgerBalance | undefined {
  const known = new Map(before.hours.map(({ start, micros }) => [start, micros]));
  const hours = balance.hours.filter(({ start, micros }) => known.get(start) !== micros);
  const { requests, totalMicros } = before;
  if (hours.length === 0 && requests === balance.requests && totalMicros === balance.totalMicros) {
    return undefined;
  }
  return { ...balance, hours, isPart: true };
}
