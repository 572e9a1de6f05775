/**
 * This process as one of several replicas with shared limits: what it holds, and whether it can reach the
 * shared counts.
 */

import type { OnLoss } from "../../config/config.ts";
import { messageOf } from "../../text/error_text.ts";
import { EndingClock } from "../../time/ending_clock.ts";
import { excessOf } from "../limit_check.ts";
import { AdapterClock } from "./adapter_clock.ts";
import { BalanceRaiser, RAISE_MS, RAISE_SOON_MS } from "./balance_raiser.ts";
import { BoundedLimits } from "./bounded_limits.ts";
import { HoldingQueue } from "./holding_queue.ts";
import { needsBalance } from "./needs_balance.ts";
import type { ReplicaParts, ReplicaResult, ReplicaTake } from "./replica_parts.ts";
import { Settlements } from "./settlements.ts";
import { SharedHold } from "./shared_hold.ts";
import {
  type Holding,
  type LedgerBalance,
  NO_REPLICA,
  type Settlement,
  type TakeResult,
} from "./shared_limits.ts";

/** The time between two signs of life of a replica, in milliseconds. */
const RENEW_MS = 2_000;
/** The time between two tries to reach lost shared counts, in milliseconds. */
const PROBE_MS = 1_000;
/** The most attempts of one take. Each attempt has a different reason. */
const MAX_ATTEMPTS = 6;

/** Holds reservations in shared limits for the requests and objects of this process. */
export class Replica {
  readonly #parts: ReplicaParts;
  /** The clock of all timers that must end with this replica. */
  readonly #clock: EndingClock;
  /** Sends all messages of this replica to the shared counts. */
  readonly #limits: BoundedLimits;
  readonly #queue: HoldingQueue;
  readonly #raiser: BalanceRaiser;
  readonly #settlements: Settlements;
  readonly #holdings = new Map<string, Holding>();
  /** The ids of requests that wait for the answer of the adapter. The adapter may hold them already. */
  readonly #taking = new Set<string>();
  readonly #objects = new Map<string, Holding>();
  /** Objects that ended while the shared counts could not be reached. */
  readonly #ended = new Set<string>();
  #onLoss: OnLoss = "go_on";
  #isAway = false;
  /** Grows each time the adapter has replaced all holdings of this replica. */
  #resets = 0;
  #lastId = 0;
  readonly #time: AdapterClock;
  /** The hour of the latest take, by its start in milliseconds since 1970. */
  #hour: number;
  #waitsMark = 0;
  #resetting: Promise<void> | undefined;
  #stopRenewing = (): void => {};
  #isClosed = false;

  private constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.#limits = new BoundedLimits(parts.limits, parts);
    const { id, onFailed } = parts;
    const clock = this.#clock = new EndingClock(parts.clock);
    this.#settlements = new Settlements({
      limits: this.#limits,
      clock,
      id,
      isAway: () => this.#isAway,
      onLost: (error) => this.#lost(error),
      hold: (holding) => this.#hold(holding),
      raise: (keys) => this.#raiser.seed(keys),
      needsBalance: (keys) => this.#raiser.isUsed(keys),
    });
    const readBalances = (keys: ReadonlySet<string>) =>
      this.#settlements.read(() => parts.readBalances(keys));
    const raise = (balances: readonly LedgerBalance[]) => this.#raise(balances);
    this.#raiser = new BalanceRaiser({ clock, readBalances, onFailed, raise });
    this.#queue = new HoldingQueue((holdings) => this.#send(this.#limits.hold(holdings)));
    this.#time = new AdapterClock(clock);
    this.#hour = this.#time.hour;
  }

  /**
   * Joins the replicas. If the shared counts cannot be reached, joins in the background as soon as they can.
   */
  static async join(parts: ReplicaParts): Promise<Replica> {
    const replica = new Replica(parts);
    await replica.#beat();
    replica.#raiser.raiseIn(RAISE_MS);
    return replica;
  }

  /** By how much the clock of the shared counts is ahead of the clock of this machine, in milliseconds. */
  get offsetMs(): number {
    return this.#time.offsetMs;
  }

  /** Whether the shared counts cannot be reached. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Sets what happens to requests under a budget while the shared counts cannot be reached. */
  configure(onLoss: OnLoss): void {
    this.#onLoss = onLoss;
  }

  /** Counts a request for all of its ledgers, or for none. Never rejects. */
  async take(take: ReplicaTake): Promise<ReplicaResult> {
    const id = `${this.#parts.id}.${(++this.#lastId).toString(36)}`;
    const holding: Holding = {
      id,
      owner: this.#parts.id,
      keys: take.ledgers.map(({ key }) => key),
      isRunning: true,
      tokens: take.reservation.tokens,
      micros: take.reservation.micros,
      excessMicros: excessOf(take.reservation),
    };
    const needs = take.ledgers.filter(needsBalance);
    this.#raiser.use(needs.map(({ key }) => key));
    const resets = this.#resets;
    this.#taking.add(id);
    const result = await this.#tryTake(id, take);
    this.#taking.delete(id);
    if (result?.kind === "rejected") {
      const { rejection } = result;
      // The raise also tells the limiter of this process what other replicas have spent. The limiter then
      // rejects the next requests without a message.
      if (rejection.kind === "budget" && rejection.isSpent) this.#raiser.raiseIn(RAISE_SOON_MS);
      return result;
    }
    if (result === undefined && this.#onLoss === "refuse" && needs.length > 0) {
      if (!this.#isAway) this.#release(id);
      return { kind: "refused" };
    }
    this.#holdings.set(id, holding);
    // The adapter has replaced the holdings of this replica, perhaps after it took this request.
    if (resets !== this.#resets) this.#hold(holding);
    return { kind: "taken", held: new SharedHold(this, holding) };
  }

  /** Replaces the holding of a running request. Does nothing if the request has ended. */
  replace(holding: Holding): void {
    if (!this.#holdings.has(holding.id)) return;
    this.#holdings.set(holding.id, holding);
    this.#hold(holding);
  }

  /** Replaces the holding of a request by what the request used. */
  settle(settlement: Settlement): void {
    const holding = this.#holdings.get(settlement.id);
    if (holding === undefined) return;
    this.#holdings.delete(settlement.id);
    if (!this.#isAway) this.#queue.sendNow(settlement.id);
    void this.#settlements.settle(holding.keys, settlement);
  }

  /** Reserves money for an object, such as a background response. All replicas hold the same objects. */
  holdObject({ id: name, keys, micros }: Pick<Holding, "id" | "keys" | "micros">): void {
    const id = objectId(name);
    const holding = { id, owner: NO_REPLICA, keys, isRunning: false, tokens: 0, micros, excessMicros: 0 };
    this.#objects.set(id, holding);
    this.#ended.delete(id);
    this.#hold(holding);
  }

  /**
   * Replaces the reservation of an object by what it used. Only the first settlement of all replicas counts.
   */
  settleObject(settlement: Settlement, keys: readonly string[]): void {
    const id = objectId(settlement.id);
    if (!this.#objects.has(id)) this.holdObject({ id: settlement.id, keys, micros: 0 });
    this.#objects.delete(id);
    if (!this.#isAway) return this.#settleObject({ ...settlement, id });
    this.#ended.add(id);
    this.#settlements.add(keys, settlement);
  }

  /** Releases the reservation of an object. */
  releaseObject(name: string): void {
    const id = objectId(name);
    if (!this.#objects.delete(id)) return;
    if (this.#isAway) this.#ended.add(id);
    else this.#release(id);
  }

  /** Counts a request that has no holding. Does nothing while the shared counts cannot be reached. */
  countRequest(keys: readonly string[]): void {
    if (this.#isAway) return;
    void this.#send(this.#limits.count({ keys, requests: 1, tokens: 0 }));
  }

  /** Counts reserved tokens of a request as used within this minute. */
  countTokens(keys: readonly string[], tokens: number): void {
    if (!this.#isAway && tokens > 0) void this.#send(this.#limits.count({ keys, requests: 0, tokens }));
  }

  /** Counts a wrong token. Calls `onWaits` if the address must wait. */
  guess(group: string, guess: string): void {
    if (this.#isAway) return;
    const { onWaits } = this.#parts;
    void this.#send(
      this.#limits.guess(group, guess).then((wait) => {
        if (wait.waitMs > 0) onWaits([wait]);
      }),
    );
  }

  /** Releases the holdings of this replica, and closes the adapter. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.sendChanged();
    this.#queue.clear();
    this.#clock.end();
    this.#settlements.close();
    try {
      // If some costs are not counted yet, the holdings stay, so that the costs stay reserved.
      const isCounted = this.#settlements.held().length === 0;
      if (!this.#isAway && isCounted) await this.#limits.leave(this.#parts.id);
    } catch {
      // The adapter could not be reached. It drops the holdings when they expire.
    }
    await this.#limits.close().catch(() => {});
  }

  /**
   * Asks the adapter whether a request may run. Returns `undefined` if the shared counts cannot be reached.
   */
  async #tryTake(
    id: string,
    { ledgers, reservation, isFree, spansOf }: ReplicaTake,
  ): Promise<TakeResult | undefined> {
    const { id: replica } = this.#parts;
    const sent = ledgers.map(({ key, limits, maxRequests }) => ({ key, limits, maxRequests }));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (this.#isAway || this.#isClosed) return undefined;
      const hour = this.#hour = this.#time.hour;
      let result: TakeResult;
      try {
        this.#queue.sendChanged();
        const spans = spansOf(hour);
        result = await this.#limits.take({ id, replica, ledgers: sent, reservation, isFree, hour, spans });
      } catch (error) {
        this.#lost(error);
        return undefined;
      }
      switch (result.kind) {
        case "taken":
        case "rejected":
          return result;
        case "unseeded":
          if (!await this.#raiser.seed(result.keys)) return undefined;
          break;
        case "telling": {
          await this.#clock.wait(result.waitMs);
          break;
        }
        case "other_hour":
          this.#time.adjust(result.epochMs, { isCertain: true });
          break;
        case "unknown_replica":
          try {
            await this.#reset();
          } catch (error) {
            this.#lost(error);
          }
          break;
        default:
          result satisfies never;
      }
    }
    return undefined;
  }

  #release(id: string): void {
    this.#settleObject({ id, tokens: 0, micros: 0, hour: this.#hour });
  }

  #settleObject(settlement: Settlement): void {
    this.#queue.sendNow(settlement.id);
    void this.#send(
      this.#limits.settle(settlement).then((isKnown) => {
        // The adapter does not know the object if another replica has settled it.
        if (!isKnown && settlement.micros > 0) this.#raiser.raiseIn(RAISE_SOON_MS);
      }),
    );
  }

  #hold(holding: Holding): void {
    if (!this.#isAway) this.#queue.add(holding);
  }

  /** Waits for a message that no request waits for, and handles its failure. */
  async #send(sent: Promise<unknown>): Promise<void> {
    try {
      await sent;
    } catch (error) {
      this.#lost(error);
      this.#raiser.raiseIn(RAISE_SOON_MS);
    }
  }

  #lost(error: unknown): void {
    if (this.#isAway || this.#isClosed) return;
    this.#isAway = true;
    this.#queue.clear();
    this.#parts.onHealth("failing", messageOf(error));
    this.#beatIn(PROBE_MS);
    // From now on, this process counts alone. It first reads from the database what other replicas have
    // spent.
    this.#raiser.raiseIn(0);
  }

  #beatIn(delayMs: number): void {
    this.#stopRenewing();
    this.#stopRenewing = this.#clock.after(delayMs, () => void this.#beat());
  }

  /** Renews the holdings of this replica. If the shared counts were lost, tries to reach them. */
  async #beat(): Promise<void> {
    try {
      if (this.#isAway || !this.#time.isKnown) await this.#reset();
      else if (!await this.#renew()) await this.#reset();
    } catch (error) {
      this.#lost(error);
    }
    if (!this.#isClosed) this.#beatIn(this.#isAway ? PROBE_MS : RENEW_MS);
  }

  async #renew(heldIds?: readonly string[]): Promise<boolean> {
    const { id, onWaits } = this.#parts;
    const renewal = { replica: id, waitsMark: this.#waitsMark, heldIds };
    const { isKnown, epochMs, waits, waitsMark } = await this.#limits.renew(renewal);
    this.#time.adjust(epochMs, { isCertain: false });
    this.#waitsMark = waitsMark;
    if (waits.length > 0) onWaits(waits);
    if (!isKnown) this.#settlements.onCountsLost();
    return isKnown;
  }

  /** Sends all holdings of this replica to the adapter. Several callers share one message. */
  #reset(): Promise<void> {
    return this.#resetting ??= this.#sendAll().finally(() => this.#resetting = undefined);
  }

  /** Joins again as soon as the adapter answers. The holdings of this replica follow in pieces. */
  async #sendAll(): Promise<void> {
    this.#queue.clear();
    this.#resets++;
    // The adapter may have lost the waits, so it has to send all of them.
    this.#waitsMark = 0;
    const sent = [...this.#holdings.keys(), ...this.#taking];
    // The adapter must hold the costs before it drops the requests that had them.
    const costs = this.#settlements.held();
    if (costs.length > 0) await this.#limits.hold(costs);
    await this.#renew([...sent, ...this.#settlements.ids()]);
    const wasAway = this.#isAway;
    this.#isAway = false;
    const running = [...this.#holdings.values(), ...this.#objects.values()];
    void this.#queue.addRest([...this.#settlements.held(), ...running]).then(() => this.#releaseEnded(sent));
    void this.#settlements.count();
    if (!wasAway) return;
    this.#parts.onHealth("ok", "");
    this.#raiser.raiseIn(RAISE_SOON_MS);
  }

  /**
   * Releases the holdings that ended while the adapter could not be reached. Their costs have separate
   * holdings.
   */
  #releaseEnded(sent: readonly string[]): void {
    if (this.#isAway || this.#isClosed) return;
    const kept = new Set([...this.#settlements.ids(), ...this.#taking]);
    for (const id of sent) if (!this.#holdings.has(id) && !kept.has(id)) this.#release(id);
    for (const id of this.#ended) this.#release(id);
    this.#ended.clear();
  }

  async #raise(balances: readonly LedgerBalance[]): Promise<boolean> {
    if (this.#isAway) return false;
    try {
      await this.#limits.raise(balances);
      return true;
    } catch (error) {
      this.#lost(error);
      return false;
    }
  }
}

/**
 * Returns the id for the holding of an object. The ids of providers may have any characters, and the id of a
 * request never has this form.
 */
function objectId(name: string): string {
  return `object ${name.toWellFormed().replaceAll("\0", " ")}`;
}
