/**
 * Objects that can be looked at again: each is counted once, for its maker, when it is known to be over. What
 * it may cost is kept from others until then, also over a restart.
 */

import { type Booking, OBJECT_LIFETIME_MS } from "../storage/booking.ts";
import type { Clock } from "../time/clock.ts";
import {
  type AwaitedObject,
  type ExchangeRow,
  type KeptObject,
  type ObjectKey,
  type Store,
  StoreError,
} from "../storage/store.ts";
import type { Observed } from "./answer_tap.ts";
import type { ObjectRequest } from "./object_paths.ts";
import {
  estimatedSettlement,
  receivedPart,
  reservedCharge,
  type Settled,
  settledRow,
  type ToldPart,
  type Verdict,
  verdictOf,
} from "./settlement.ts";

/** What is kept from others for an object. */
export interface HeldAmounts {
  readonly keys: readonly string[];
  readonly micros: number;
}

/** The limits that objects count towards. */
export interface ObjectLedgers {
  readonly hold: (held: HeldAmounts) => void;
  readonly release: (held: HeldAmounts) => void;
  readonly bookingOf: (modelRules: readonly string[]) => Booking;
  readonly count: (
    keys: readonly string[],
    used: { tokens: number; micros: number; booking: Booking },
  ) => void;
}

/** What objects are kept with. */
export interface ObjectsParts {
  readonly store: Pick<
    Store,
    | "addObject"
    | "findObject"
    | "listUnsettledObjects"
    | "listChangedObjects"
    | "setResultsId"
    | "settleObject"
  >;
  readonly clock: Clock;
  readonly ledgers: ObjectLedgers;
  /** An object was settled by this process, and its row is written. */
  readonly onRow: (row: ExchangeRow) => void;
  /** The store failed; what failed is tried again. */
  readonly onFailed: (reason: string) => void;
}

/** An answer about an object. */
export interface Look {
  readonly request: ObjectRequest;
  readonly endpoint: string;
  readonly observed: Observed;
  /** The answer was good and came to its end. */
  readonly isWhole: boolean;
  /** How much text of it running requests have received so far, in bytes. */
  readonly receivedBytes: () => number;
  /** The cost of an object by the usage that the provider stated. */
  readonly charge: (object: AwaitedObject, part: ToldPart) => Settled;
  /** The client that looks, as the maker: for results of batches whose maker is not known. */
  readonly asMaker: (id: string) => AwaitedObject;
}

interface Entry {
  object: AwaitedObject;
  readonly held: HeldAmounts;
  isStored: boolean;
  /** How much text of it was received, in bytes: the most of any request. */
  receivedBytes: number;
}

/** How often other processes' objects are read, and expired ones are settled. */
const SYNC_MS = 10_000;
/** Clocks of several processes may differ by less. */
const SYNC_MARGIN_MS = 5_000;
/** Nobody ran this program before: a clock that shows an earlier time is wrong. */
const FIRST_YEAR_MS = Date.UTC(2020);
/** So many may be awaited at a time: of one token, and of all. */
const MAX_OF_TOKEN = 10_000;
const MAX_OPEN = 50_000;
const MAX_SETTLED = 10_000;

/** All objects that are awaited. */
export class Objects {
  readonly #parts: ObjectsParts;
  readonly #open = new Map<string, Entry>();
  /** How many of each subject are awaited. */
  readonly #counts = new Map<string, number>();
  /** Objects that nothing is to be counted for any more, as far as they are remembered. */
  readonly #settled = new Set<string>();
  /** Objects that are looked up and settled now: of many looks at the same time, one counts. */
  readonly #busy = new Set<string>();
  /** Objects that the store settles now, by their own ids. */
  readonly #settling = new Set<string>();
  /** What failed in the store and is tried again. */
  readonly #again = new Map<string, () => Promise<void>>();
  readonly #running = new Set<Promise<void>>();
  #syncedAt = 0;
  #stopTimer = (): void => {};

  private constructor(parts: ObjectsParts) {
    this.#parts = parts;
  }

  /** Holds what is reserved for objects of earlier processes and of others. Throws a `StoreError`. */
  static async open(parts: ObjectsParts): Promise<Objects> {
    const objects = new Objects(parts);
    objects.#syncedAt = parts.clock.epochMs();
    for (const object of await parts.store.listUnsettledObjects()) objects.#hold(object);
    objects.#schedule();
    return objects;
  }

  /** Whether one more object of this maker can be awaited. */
  hasRoom(maker: Pick<AwaitedObject, "tokenId" | "projectId" | "principal">): boolean {
    const [subject = ""] = keysOf(maker);
    return this.#open.size < MAX_OPEN && (this.#counts.get(subject) ?? 0) < MAX_OF_TOKEN;
  }

  /** An object was made. What it may cost has been handed over. */
  made(object: AwaitedObject, held: HeldAmounts): void {
    const key = keyOf(object);
    if (this.#open.has(key)) return this.#parts.ledgers.release(held);
    const entry: Entry = { object, held, isStored: false, receivedBytes: 0 };
    this.#enter(key, entry);
    this.#run(() => this.#add(key, entry));
  }

  /** An answer about an object has ended. */
  looked(look: Look): void {
    const { request, endpoint, observed } = look;
    for (const listed of observed.object?.listed ?? []) this.#listed(endpoint, listed);
    const id = request.id ?? observed.object?.id;
    if (id === undefined) return;
    const key = keyOf({ endpoint, id });
    const entry = this.#open.get(key);
    if (entry !== undefined) entry.receivedBytes = Math.max(entry.receivedBytes, observed.textBytes ?? 0);
    const verdict = verdictOf(request, look);
    if (verdict.then === "wait") return;
    if (this.#settled.has(key)) return;
    this.#run(() => this.#once(key, () => this.#follow({ endpoint, id }, look, verdict)));
  }

  /** Resolves once all that has been begun is done, or has to be tried again. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Tries for the last time what has failed. */
  async close(): Promise<void> {
    this.#stopTimer();
    await this.idle();
    this.#retry();
    await this.idle();
    this.#stopTimer();
  }

  #schedule(): void {
    this.#stopTimer = this.#parts.clock.after(SYNC_MS, () => {
      this.#run(() => this.#sync());
      this.#schedule();
    });
  }

  #run(work: () => Promise<void>): void {
    const running = work().finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** One at a time for each object; what the store does not take is tried again. */
  async #once(key: string, work: () => Promise<void>): Promise<void> {
    if (this.#busy.has(key)) return;
    this.#busy.add(key);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#parts.onFailed(error.message);
      if (this.#again.size < MAX_OPEN) this.#again.set(key, work);
    } finally {
      this.#busy.delete(key);
    }
  }

  #retry(): void {
    for (const [key, work] of [...this.#again]) {
      this.#again.delete(key);
      this.#run(() => this.#once(key, work));
    }
    for (const [key, entry] of this.#open) if (!entry.isStored) this.#run(() => this.#add(key, entry));
  }

  async #add(key: string, entry: Entry): Promise<void> {
    const { store, clock, onFailed } = this.#parts;
    try {
      const isNew = await store.addObject(entry.object, clock.epochMs());
      entry.isStored = true;
      if (isNew) return;
      // The provider named the same object before: to another process, or to this one while it was awaited.
      const known = await store.findObject(entry.object);
      if (known?.settled !== undefined) this.#leave(key);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onFailed(error.message);
    }
  }

  /** A list told where the results of a batch are. */
  #listed(endpoint: string, { id, resultsId }: { id: string; resultsId: string }): void {
    const key = keyOf({ endpoint, id });
    const entry = this.#open.get(key);
    if (entry === undefined || entry.object.resultsId !== undefined) return;
    this.#run(() => this.#once(key, () => this.#name({ endpoint, id }, resultsId)));
  }

  async #name(object: ObjectKey, resultsId: string): Promise<void> {
    const { store, clock } = this.#parts;
    await store.setResultsId(object, resultsId, clock.epochMs());
    this.#named(keyOf(object), resultsId);
  }

  #named(key: string, resultsId: string): void {
    const entry = this.#open.get(key);
    if (entry !== undefined) entry.object = { ...entry.object, resultsId };
  }

  async #follow(
    { endpoint, id }: { endpoint: string; id: string },
    look: Look,
    verdict: Exclude<Verdict, { then: "wait" }>,
  ): Promise<void> {
    const { store } = this.#parts;
    const asked = keyOf({ endpoint, id });
    const awaited = this.#open.get(asked)?.object;
    const known = awaited === undefined ? await store.findObject({ endpoint, id }) : undefined;
    const kept = awaited ?? known;
    if (kept === undefined) {
      if (verdict.then === "count" && look.request.act === "results") {
        return await this.#settle(look.asMaker(id), this.#charged(look.asMaker(id), look, verdict));
      }
      // Which batch a file belongs to may be told later.
      return look.request.act === "file" ? undefined : this.#remember(asked);
    }
    if (known?.settled !== undefined) {
      this.#settledElsewhere({ ...known, settled: known.settled });
      return this.#remember(asked);
    }
    if (verdict.then === "name") {
      return kept.resultsId === undefined ? await this.#name(kept, verdict.resultsId) : undefined;
    }
    await this.#settle(kept, this.#charged(kept, look, verdict));
    this.#remember(asked);
  }

  #charged(
    object: AwaitedObject,
    { charge, receivedBytes }: Look,
    verdict: Exclude<Verdict, { then: "wait" }>,
  ): readonly Settled[] {
    if (verdict.then === "count") return verdict.parts.map((part) => charge(object, part));
    if (verdict.then === "estimate") return [reservedCharge(object)];
    // Text that was received before it was stopped is not free.
    const bytes = Math.max(receivedBytes(), this.#open.get(keyOf(object))?.receivedBytes ?? 0);
    return bytes === 0 ? [] : [estimatedSettlement(charge(object, receivedPart(bytes)))];
  }

  async #settle(object: AwaitedObject, charges: readonly Settled[]): Promise<void> {
    const key = keyOf(object);
    // By its own id or by that of its results.
    if (this.#settling.has(key)) return;
    this.#settling.add(key);
    try {
      await this.#settleFirst(object, charges);
    } finally {
      this.#settling.delete(key);
    }
    this.#remember(key);
  }

  async #settleFirst(object: AwaitedObject, charges: readonly Settled[]): Promise<void> {
    const { store, clock, ledgers, onRow } = this.#parts;
    const at = clock.epochMs();
    const booking = ledgers.bookingOf(object.modelRules);
    const rows = charges.map((settled) => settledRow(object, settled, { at, booking }));
    const micros = rows.reduce((total, { costMicros = 0 }) => total + costMicros, 0);
    const isFirst = await store.settleObject(object, { at, micros, rows });
    if (!isFirst) {
      const known = await store.findObject(object);
      if (known?.settled !== undefined) this.#settledElsewhere({ ...known, settled: known.settled });
      return;
    }
    const told = charges.reduce((total, { tokens }) => total + tokens, 0);
    const keys = [...keysOf(object), ...object.modelRules];
    this.#leave(keyOf(object));
    ledgers.count(keys, { tokens: Math.max(0, told - object.reservedTokens), micros, booking });
    for (const row of rows) onRow(row);
  }

  /** Reads what other processes did, settles what has expired, and tries again what failed. */
  async #sync(): Promise<void> {
    const { store, clock, onFailed } = this.#parts;
    this.#retry();
    try {
      const now = clock.epochMs();
      const since = Math.min(this.#syncedAt, now) - SYNC_MARGIN_MS;
      for (const object of await store.listChangedObjects(since)) {
        const key = keyOf(object);
        if (this.#settling.has(key)) continue;
        if (object.settled !== undefined) this.#settledElsewhere({ ...object, settled: object.settled });
        else if (!this.#open.has(key)) {
          this.#settled.delete(key);
          this.#hold(object);
        } else if (object.resultsId !== undefined) this.#named(key, object.resultsId);
      }
      this.#syncedAt = now;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onFailed(error.message);
    }
    // A clock that is wrong says nothing of ages.
    if (!this.#parts.ledgers.bookingOf([]).isDated) return;
    const now = clock.epochMs();
    for (const [key, entry] of this.#open) {
      const { object } = entry;
      // Its age is counted from now on if it was made while the clock was wrong.
      if (object.madeAt < FIRST_YEAR_MS) {
        entry.object = { ...object, madeAt: now, expiresAt: now + OBJECT_LIFETIME_MS };
      } else if (object.expiresAt <= now) this.#expire(key, object);
    }
  }

  #expire(key: string, object: AwaitedObject): void {
    this.#run(() => this.#once(key, () => this.#settle(object, [reservedCharge(object)])));
  }

  /** Of an earlier process, or of another. */
  #hold(object: AwaitedObject): void {
    const held = { keys: [...keysOf(object), ...object.modelRules], micros: object.reservedMicros };
    this.#parts.ledgers.hold(held);
    this.#enter(keyOf(object), { object, held, isStored: true, receivedBytes: 0 });
  }

  /** Its cost counts here too, where it was held. */
  #settledElsewhere(object: AwaitedObject & { settled: NonNullable<KeptObject["settled"]> }): void {
    const { ledgers } = this.#parts;
    if (!this.#leave(keyOf(object))) return;
    const keys = [...keysOf(object), ...object.modelRules];
    const { micros } = object.settled;
    ledgers.count(keys, { tokens: 0, micros, booking: ledgers.bookingOf(object.modelRules) });
  }

  #enter(key: string, entry: Entry): void {
    this.#open.set(key, entry);
    const [subject = ""] = keysOf(entry.object);
    this.#counts.set(subject, (this.#counts.get(subject) ?? 0) + 1);
  }

  /** Gives back what was held for it; false where nothing was. */
  #leave(key: string): boolean {
    const entry = this.#open.get(key);
    if (entry === undefined) return false;
    this.#open.delete(key);
    const [subject = ""] = keysOf(entry.object);
    const left = (this.#counts.get(subject) ?? 0) - 1;
    if (left > 0) this.#counts.set(subject, left);
    else this.#counts.delete(subject);
    this.#parts.ledgers.release(entry.held);
    return true;
  }

  #remember(key: string): void {
    if (this.#settled.size >= MAX_SETTLED) this.#settled.clear();
    this.#settled.add(key);
  }
}

function keyOf({ endpoint, id }: ObjectKey): string {
  return `${endpoint}\0${id}`;
}

/** Under which spending is kept: the token's first. */
function keysOf(
  { tokenId, projectId, principal }: Pick<AwaitedObject, "tokenId" | "projectId" | "principal">,
): string[] {
  return [
    tokenId === undefined ? `shared:${principal}` : `token:${tokenId}`,
    ...(projectId === undefined ? [] : [`project:${projectId}`]),
  ];
}
