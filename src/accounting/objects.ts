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
import type { ResponseSummary } from "./response_tap.ts";
import { settledRow } from "./exchange_row.ts";
import { type HeldAmounts, ledgerKeys, objectKey, type OpenObject, OpenObjects } from "./open_objects.ts";
import type { ObjectRequest } from "./object_paths.ts";
import {
  estimatedSettlement,
  receivedPart,
  type ReportedPart,
  reservedCharge,
  type Settlement,
  type SettlementAction,
  settlementAction,
} from "./settlement.ts";

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
export interface ObjectResponse {
  readonly request: ObjectRequest;
  readonly endpoint: string;
  readonly summary: ResponseSummary;
  /** The answer was good and came to its end. */
  readonly isWhole: boolean;
  /** How much text of it running requests have received so far, in bytes. */
  readonly receivedBytes: () => number;
  /** The cost of an object by the usage that the provider stated. */
  readonly charge: (object: AwaitedObject, part: ReportedPart) => Settlement;
  /** The client that looks, as the maker: for results of batches whose maker is not known. */
  readonly asOwnObject: (id: string) => AwaitedObject;
}

/** How often other processes' objects are read, and expired ones are settled. */
const SYNC_MS = 10_000;
/** Clocks of several processes may differ by less. */
const SYNC_MARGIN_MS = 5_000;
/** Nobody ran this program before: a clock that shows an earlier time is wrong. */
const FIRST_YEAR_MS = Date.UTC(2020);
/** The limit of failed work that is tried again, and of remembered objects. */
const MAX_RETRIES = 50_000;
const MAX_SETTLED = 10_000;

/** All objects that are awaited. */
export class Objects {
  readonly #parts: ObjectsParts;
  readonly #open: OpenObjects;
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
    this.#open = new OpenObjects((held) => parts.ledgers.release(held));
  }

  /** Holds what is reserved for objects of earlier processes and of others. Throws a `StoreError`. */
  static async open(parts: ObjectsParts): Promise<Objects> {
    const objects = new Objects(parts);
    objects.#syncedAt = parts.clock.epochMs();
    for (const object of await parts.store.listUnsettledObjects()) objects.#hold(object);
    objects.#schedule();
    return objects;
  }

  /** Whether another object of this creator can be awaited. */
  hasRoom(creator: Pick<AwaitedObject, "tokenId" | "projectId" | "principal">): boolean {
    return this.#open.hasRoom(creator);
  }

  /** An object was made. What it may cost has been handed over. */
  add(object: AwaitedObject, held: HeldAmounts): void {
    const key = objectKey(object);
    if (this.#open.has(key)) return this.#parts.ledgers.release(held);
    const entry: OpenObject = { object, held, isStored: false, receivedBytes: 0 };
    this.#open.add(key, entry);
    this.#run(() => this.#add(key, entry));
  }

  /** An answer about an object has ended. */
  responseEnded(look: ObjectResponse): void {
    const { request, endpoint, summary } = look;
    for (const listed of summary.object?.listed ?? []) this.#listed(endpoint, listed);
    const id = request.id ?? summary.object?.id;
    if (id === undefined) return;
    const key = objectKey({ endpoint, id });
    const entry = this.#open.get(key);
    if (entry !== undefined) entry.receivedBytes = Math.max(entry.receivedBytes, summary.textBytes ?? 0);
    const action = settlementAction(request, look);
    if (action.kind === "wait") return;
    if (this.#settled.has(key)) return;
    this.#run(() => this.#once(key, () => this.#follow({ endpoint, id }, look, action)));
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
      if (this.#again.size < MAX_RETRIES) this.#again.set(key, work);
    } finally {
      this.#busy.delete(key);
    }
  }

  #retry(): void {
    for (const [key, work] of [...this.#again]) {
      this.#again.delete(key);
      this.#run(() => this.#once(key, work));
    }
    for (const [key, entry] of this.#open.entries()) {
      if (!entry.isStored) this.#run(() => this.#add(key, entry));
    }
  }

  async #add(key: string, entry: OpenObject): Promise<void> {
    const { store, clock, onFailed } = this.#parts;
    try {
      const isNew = await store.addObject(entry.object, clock.epochMs());
      entry.isStored = true;
      if (isNew) return;
      // The provider named the same object before: to another process, or to this one while it was awaited.
      const known = await store.findObject(entry.object);
      if (known?.settled !== undefined) this.#open.remove(key);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onFailed(error.message);
    }
  }

  /** A list reported where the results of a batch are. */
  #listed(endpoint: string, { id, resultsId }: { id: string; resultsId: string }): void {
    const key = objectKey({ endpoint, id });
    const entry = this.#open.get(key);
    if (entry === undefined || entry.object.resultsId !== undefined) return;
    this.#run(() => this.#once(key, () => this.#name({ endpoint, id }, resultsId)));
  }

  async #name(object: ObjectKey, resultsId: string): Promise<void> {
    const { store, clock } = this.#parts;
    await store.setResultsId(object, resultsId, clock.epochMs());
    this.#named(objectKey(object), resultsId);
  }

  #named(key: string, resultsId: string): void {
    const entry = this.#open.get(key);
    if (entry !== undefined) entry.object = { ...entry.object, resultsId };
  }

  async #follow(
    { endpoint, id }: { endpoint: string; id: string },
    look: ObjectResponse,
    action: Exclude<SettlementAction, { kind: "wait" }>,
  ): Promise<void> {
    const { store } = this.#parts;
    const asked = objectKey({ endpoint, id });
    const awaited = this.#open.get(asked)?.object;
    const known = awaited === undefined ? await store.findObject({ endpoint, id }) : undefined;
    const kept = awaited ?? known;
    if (kept === undefined) {
      if (action.kind === "count" && look.request.action === "results") {
        return await this.#settle(look.asOwnObject(id), this.#charged(look.asOwnObject(id), look, action));
      }
      // Which batch a file belongs to may be reported later.
      return look.request.action === "file" ? undefined : this.#remember(asked);
    }
    if (known?.settled !== undefined) {
      this.#settledElsewhere({ ...known, settled: known.settled });
      return this.#remember(asked);
    }
    if (action.kind === "name") {
      return kept.resultsId === undefined ? await this.#name(kept, action.resultsId) : undefined;
    }
    await this.#settle(kept, this.#charged(kept, look, action));
    this.#remember(asked);
  }

  #charged(
    object: AwaitedObject,
    { charge, receivedBytes }: ObjectResponse,
    action: Exclude<SettlementAction, { kind: "wait" }>,
  ): readonly Settlement[] {
    if (action.kind === "count") return action.parts.map((part) => charge(object, part));
    if (action.kind === "estimate") return [reservedCharge(object)];
    // Text that was received before it was stopped is not free.
    const bytes = Math.max(receivedBytes(), this.#open.get(objectKey(object))?.receivedBytes ?? 0);
    return bytes === 0 ? [] : [estimatedSettlement(charge(object, receivedPart(bytes)))];
  }

  async #settle(object: AwaitedObject, charges: readonly Settlement[]): Promise<void> {
    const key = objectKey(object);
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

  async #settleFirst(object: AwaitedObject, charges: readonly Settlement[]): Promise<void> {
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
    const reported = charges.reduce((total, { tokens }) => total + tokens, 0);
    const keys = [...ledgerKeys(object), ...object.modelRules];
    this.#open.remove(objectKey(object));
    ledgers.count(keys, { tokens: Math.max(0, reported - object.reservedTokens), micros, booking });
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
        const key = objectKey(object);
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
    for (const [key, entry] of this.#open.entries()) {
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
    const held = { keys: [...ledgerKeys(object), ...object.modelRules], micros: object.reservedMicros };
    this.#parts.ledgers.hold(held);
    this.#open.add(objectKey(object), { object, held, isStored: true, receivedBytes: 0 });
  }

  /** Its cost counts here too, where it was held. */
  #settledElsewhere(object: AwaitedObject & { settled: NonNullable<KeptObject["settled"]> }): void {
    const { ledgers } = this.#parts;
    if (!this.#open.remove(objectKey(object))) return;
    const keys = [...ledgerKeys(object), ...object.modelRules];
    const { micros } = object.settled;
    ledgers.count(keys, { tokens: 0, micros, booking: ledgers.bookingOf(object.modelRules) });
  }

  #remember(key: string): void {
    if (this.#settled.size >= MAX_SETTLED) this.#settled.clear();
    this.#settled.add(key);
  }
}
