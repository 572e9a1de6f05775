/**
 * Settles objects, such as background responses and batches. Each object counts once, for its creator, when a
 * response shows that it is over. Its reservation lasts until then, even if the process restarts.
 */

import type { Limiter } from "../../limits/limiter.ts";
import { OBJECT_LIFETIME_MS } from "../../storage/booking.ts";
import { subjectKeys } from "../../principal.ts";
import { type Clock, EARLIEST_MS } from "../../time/clock.ts";
import type { AwaitedObject, KeptObject, ObjectKey } from "../../storage/object_store.ts";
import { type ExchangeRow, type Store, StoreError } from "../../storage/store.ts";
import { KeyedTasks } from "./keyed_tasks.ts";
import type { ObjectResponse } from "./object_response.ts";
import { settledRow } from "../exchange_row.ts";
import {
  type HeldAmounts,
  type ObjectCreator,
  objectKey,
  type OpenObject,
  OpenObjects,
} from "./open_objects.ts";
import {
  estimatedSettlement,
  receivedPart,
  reservedCharge,
  type Settlement,
  type SettlementAction,
  settlementAction,
} from "./settlement.ts";

/** The operations of the limits that objects count for. */
export type ObjectLedgers = Pick<
  Limiter,
  "hold" | "takeOver" | "release" | "bookingOf" | "count" | "countElsewhere"
>;

/** The parts of the program that {@link Objects} uses. */
export interface ObjectsParts {
  readonly store: Pick<
    Store,
    | "addObject"
    | "findObject"
    | "listUnsettledObjects"
    | "listChangedObjects"
    | "setResultsId"
    | "raiseReceivedBytes"
    | "settleObject"
  >;
  readonly clock: Clock;
  readonly ledgers: ObjectLedgers;
  /** Called when this process has settled an object and written its row. */
  readonly onRow: (row: ExchangeRow) => void;
  /** Called when the database failed. The operation is tried again. */
  readonly onFailed: (reason: string) => void;
  /** Called when a task failed with another error, which is a bug. The task is not tried again. */
  readonly onUnexpected: (error: unknown) => void;
}

/**
 * The time between two reads of the changes of other processes, in milliseconds. Expired objects are settled
 * in the same step.
 */
const SYNC_MS = 10_000;
/** The most settled objects whose keys are remembered. */
const MAX_SETTLED = 10_000;

/** Settles the objects of all exchanges. Several processes with the same database share this work. */
export class Objects {
  readonly #parts: ObjectsParts;
  readonly #open: OpenObjects;
  /** The keys of objects that are settled, or that need no settlement. It has only the latest ones. */
  readonly #settled = new Set<string>();
  /**
   * The keys of objects whose settlement is being written to the database. They have the id of the object,
   * and not the id of its results.
   */
  readonly #settling = new Set<string>();
  /**
   * Tasks by the key of their object. If several responses about an object come at the same time, one of them
   * counts.
   */
  readonly #tasks: KeyedTasks;
  /** When the changes of other processes were last read, by the clock of the store. */
  #syncedAt: number | undefined;
  #isSyncing = false;
  /** The keys of the objects that were settled since the present read of the changes began. */
  #settledMeanwhile = new Set<string>();
  #stopTimer = (): void => {};

  private constructor(parts: ObjectsParts) {
    this.#parts = parts;
    this.#tasks = new KeyedTasks(parts);
    this.#open = new OpenObjects((key, held) => parts.ledgers.release(key, held));
  }

  /** Restores the reservations of objects of earlier and other processes. Throws a `StoreError`. */
  static async open(parts: ObjectsParts): Promise<Objects> {
    const objects = new Objects(parts);
    // The changes that follow are read later.
    objects.#syncedAt = (await parts.store.listChangedObjects()).at;
    for (const object of await parts.store.listUnsettledObjects()) objects.#hold(object);
    objects.#schedule();
    return objects;
  }

  /** Whether one more object of this creator can be awaited. */
  hasRoom(creator: ObjectCreator): boolean {
    return this.#open.hasRoom(creator);
  }

  /** Adds a new object with the reservation that its request handed over. */
  add(object: AwaitedObject, held: HeldAmounts): void {
    const key = objectKey(object);
    const { ledgers } = this.#parts;
    if (this.#open.has(key)) return ledgers.release(undefined, held);
    ledgers.takeOver(key, held);
    const entry: OpenObject = { object, held, isStored: false, receivedBytes: 0 };
    this.#open.add(key, entry);
    this.#tasks.run(() => this.#add(key, entry));
  }

  /**
   * Call it when a running request has received text of an object. `bytes` is the length of the text so far.
   */
  received(at: ObjectKey, bytes: number): void {
    const entry = this.#open.get(this.#open.keyOf(at));
    if (entry !== undefined) entry.receivedBytes = Math.max(entry.receivedBytes, bytes);
    // The request that cancels the object may arrive at another process, so the database must have the bytes.
    this.#tasks.run(() => this.#keepReceived(at, bytes));
  }

  async #keepReceived(at: ObjectKey, bytes: number): Promise<void> {
    const { store, onFailed } = this.#parts;
    try {
      await store.raiseReceivedBytes(at, bytes);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onFailed(error.message);
    }
  }

  /** Settles an object if a response about it shows that the object is over. */
  responseEnded(response: ObjectResponse): void {
    const { request, endpoint, providerAccount, summary } = response;
    for (const listed of summary.object?.listed ?? []) this.#listed({ endpoint, providerAccount }, listed);
    const id = request.id ?? summary.object?.id;
    if (id === undefined) return;
    const at = { endpoint, id, providerAccount };
    const key = this.#open.keyOf(at);
    const { textBytes = 0 } = summary;
    const action = settlementAction(request, response);
    if (textBytes > 0 && request.kind !== "batch" && action.kind === "wait") this.received(at, textBytes);
    const entry = this.#open.get(key);
    if (entry !== undefined) entry.receivedBytes = Math.max(entry.receivedBytes, textBytes);
    if (action.kind === "wait") return;
    if (this.#settled.has(key)) return;
    this.#tasks.runOnce(key, () => this.#follow(at, response, action));
  }

  /** Resolves when all started tasks have ended or wait for a retry. */
  async idle(): Promise<void> {
    await this.#tasks.idle();
  }

  /** Stops the timer, and tries the failed tasks for a last time. */
  async close(): Promise<void> {
    this.#stopTimer();
    await this.idle();
    this.#retry();
    await this.idle();
    this.#stopTimer();
  }

  #schedule(): void {
    this.#stopTimer = this.#parts.clock.after(SYNC_MS, () => {
      this.#tasks.run(() => this.#sync());
      this.#schedule();
    });
  }

  #retry(): void {
    this.#tasks.retry();
    for (const [key, entry] of this.#open.entries()) {
      if (!entry.isStored) this.#tasks.run(() => this.#add(key, entry));
    }
  }

  async #add(key: string, entry: OpenObject): Promise<void> {
    const { store, onFailed } = this.#parts;
    try {
      const isNew = await store.addObject(entry.object);
      entry.isStored = true;
      if (isNew) return;
      // The provider may have given the same id earlier, to this process or to another one.
      const known = await store.findObject(entry.object);
      if (known?.settled !== undefined) this.#remove(key);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onFailed(error.message);
    }
  }

  /** Records the file with the results of a batch, which a list has shown. */
  #listed(
    at: Omit<ObjectKey, "id">,
    { id, resultsId }: { id: string; resultsId: string },
  ): void {
    const key = this.#open.keyOf({ ...at, id });
    const entry = this.#open.get(key);
    if (entry === undefined || entry.object.resultsId !== undefined) return;
    this.#tasks.runOnce(key, () => this.#name(entry.object, resultsId));
  }

  async #name(object: ObjectKey, resultsId: string): Promise<void> {
    await this.#parts.store.setResultsId(object, resultsId);
    this.#named(objectKey(object), resultsId);
  }

  #named(key: string, resultsId: string): void {
    const entry = this.#open.get(key);
    if (entry !== undefined) entry.object = { ...entry.object, resultsId };
  }

  async #follow(
    at: ObjectKey,
    response: ObjectResponse,
    action: Exclude<SettlementAction, { kind: "wait" }>,
  ): Promise<void> {
    const { store } = this.#parts;
    const { id } = at;
    const requestedKey = this.#open.keyOf(at);
    const awaited = this.#open.get(requestedKey)?.object;
    const known = awaited === undefined ? await store.findObject(at) : undefined;
    const kept = awaited ?? known;
    if (kept === undefined) {
      if (action.kind === "count" && response.request.action === "results") {
        return await this.#settle(
          response.asOwnObject(id),
          await this.#charged(response.asOwnObject(id), response, { action, storedBytes: 0 }),
        );
      }
      // A later response may show which batch the file belongs to, so the key is not remembered.
      return response.request.action === "file" ? undefined : this.#remember(requestedKey);
    }
    if (known?.settled !== undefined) {
      // A settlement by this process counts when the database has confirmed it, so it is not counted here.
      if (!this.#settling.has(objectKey(known))) this.#settledElsewhere({ ...known, settled: known.settled });
      return this.#remember(requestedKey);
    }
    if (action.kind === "name") {
      return kept.resultsId === undefined ? await this.#name(kept, action.resultsId) : undefined;
    }
    const storedBytes = action.kind === "release" ? (await store.findObject(kept))?.receivedBytes ?? 0 : 0;
    await this.#settle(kept, await this.#charged(kept, response, { action, storedBytes }));
    this.#remember(requestedKey);
  }

  async #charged(
    object: AwaitedObject,
    { charge, receivedBytes }: ObjectResponse,
    { action, storedBytes }: {
      readonly action: Exclude<SettlementAction, { kind: "wait" }>;
      /** The bytes of text that clients have received, by the database. */
      readonly storedBytes: number;
    },
  ): Promise<readonly Settlement[]> {
    if (action.kind === "count") return await Promise.all(action.parts.map((part) => charge(object, part)));
    if (action.kind === "estimate") return [reservedCharge(object)];
    // Text that clients received before a cancellation costs money.
    const kept = this.#open.get(objectKey(object))?.receivedBytes ?? 0;
    const bytes = Math.max(receivedBytes(), kept, storedBytes);
    return bytes === 0 ? [] : [estimatedSettlement(await charge(object, receivedPart(bytes)))];
  }

  async #settle(object: AwaitedObject, charges: readonly Settlement[]): Promise<void> {
    const key = objectKey(object);
    // The response may have the id of the object, or the id of its results.
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
    const keys = [...subjectKeys(object), ...object.modelRules];
    const key = objectKey(object);
    // The first settlement counts in shared limits, so it comes before the release.
    const { reservedMicros, reservedTokens } = object;
    const tokens = Math.max(0, reported - reservedTokens);
    ledgers.count(key, { keys, reservedMicros, tokens, micros, booking });
    this.#remove(key);
    for (const row of rows) onRow(row);
  }

  /** Reads the changes of other processes, settles expired objects, and tries failed tasks again. */
  async #sync(): Promise<void> {
    const { store, clock, onFailed } = this.#parts;
    this.#retry();
    // The database is slow, and the read before has not ended.
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    this.#settledMeanwhile.clear();
    try {
      const { objects, at } = await store.listChangedObjects(this.#syncedAt);
      for (const object of objects) {
        const key = objectKey(object);
        if (this.#settling.has(key)) continue;
        if (object.settled !== undefined) this.#settledElsewhere({ ...object, settled: object.settled });
        else if (!this.#open.has(key)) {
          // The list may be older than the settlement.
          if (this.#settledMeanwhile.has(key)) continue;
          this.#settled.delete(key);
          this.#hold(object);
        } else if (object.resultsId !== undefined) this.#named(key, object.resultsId);
      }
      this.#syncedAt = at;
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      onFailed(error.message);
    } finally {
      this.#isSyncing = false;
    }
    // While the clock is wrong, ages are unknown.
    if (!this.#parts.ledgers.bookingOf([]).isDated) return;
    const now = clock.epochMs();
    for (const [key, entry] of this.#open.entries()) {
      const { object } = entry;
      // The age of an object that was created while the clock was wrong begins now.
      if (object.madeAt < EARLIEST_MS) {
        entry.object = { ...object, madeAt: now, expiresAt: now + OBJECT_LIFETIME_MS };
      } else if (object.expiresAt <= now) this.#expire(key, object);
    }
  }

  #expire(key: string, object: AwaitedObject): void {
    this.#tasks.runOnce(key, () => this.#settle(object, [reservedCharge(object)]));
  }

  /** Adds an object of an earlier process or of another process, with its reservation. */
  #hold(object: AwaitedObject): void {
    const held = { keys: [...subjectKeys(object), ...object.modelRules], micros: object.reservedMicros };
    const key = objectKey(object);
    this.#parts.ledgers.hold(key, held);
    this.#open.add(key, {
      object,
      held,
      isStored: true,
      receivedBytes: object.receivedBytes,
    });
  }

  /**
   * Removes an object that another process has settled. Its cost counts here if this process held its
   * reservation.
   */
  #settledElsewhere(object: AwaitedObject & { settled: NonNullable<KeptObject["settled"]> }): void {
    const { ledgers } = this.#parts;
    if (!this.#remove(objectKey(object))) return;
    const keys = [...subjectKeys(object), ...object.modelRules];
    ledgers.countElsewhere(keys, { micros: object.settled.micros });
  }

  /** Removes a settled object, and remembers it for the running sync. Returns `false` if it was not held. */
  #remove(key: string): boolean {
    if (this.#isSyncing) this.#settledMeanwhile.add(key);
    return this.#open.remove(key);
  }

  #remember(key: string): void {
    if (this.#settled.size >= MAX_SETTLED) this.#settled.clear();
    this.#settled.add(key);
  }
}
