/**
 * This process as one of several replicas with shared limits: what it holds, and whether it can reach the
 * shared counts.
 */

import type { OnLoss } from "../../config/config.ts";
import { messageOf } from "../../text/error_text.ts";
import { EndingClock } from "../../time/ending_clock.ts";
import { excessOf } from "../limit_check.ts";
import { AdapterClock } from "./adapter_clock.ts";
import { BalanceRaiser, RAISE_ALONE_MS, RAISE_BESIDE_MS, RAISE_MS, RAISE_SOON_MS } from "./balance_raiser.ts";
import { BoundedLimits } from "./bounded_limits.ts";
import { ComparedLimits } from "./compared_limits.ts";
import { CostPages } from "./cost_pages.ts";
import { HoldingQueue } from "./holding_queue.ts";
import { needsBalance } from "./needs_balance.ts";
import { ObjectHoldings } from "./object_holdings.ts";
import type { ReplicaParts, ReplicaResult, ReplicaTake } from "./replica_parts.ts";
import { Settlements, type Used } from "./settlements.ts";
import { SharedHold } from "./shared_hold.ts";
import {
  type Holding,
  type LimitedLedger,
  type Raise,
  type Sender,
  type TakeResult,
  TELLING_MS,
} from "./shared_limits.ts";

/** The time between two signs of life of a replica, in milliseconds. */
const RENEW_MS = 2_000;
/** The time to the next sign of life if the adapter has slots of silent replicas to free, in milliseconds. */
const RENEW_SOON_MS = 50;
/** The time between two tries to reach lost shared counts, in milliseconds. */
const PROBE_MS = 1_000;
/** The most attempts of one take. Each attempt has a different reason. */
const MAX_ATTEMPTS = 6;

/** Holds reservations in shared limits for the requests and objects of this process. */
export class Replica {
  /** The pages of its costs, for the writer of usage. */
  readonly pages: CostPages;
  /** The reservations of objects, which all replicas hold. */
  readonly objects: ObjectHoldings;
  readonly #parts: ReplicaParts;
  /** The clock of all timers that must end with this replica. */
  readonly #clock: EndingClock;
  /** Sends all messages of this replica to the shared counts. */
  readonly #limits: BoundedLimits;
  readonly #queue: HoldingQueue;
  readonly #raiser: BalanceRaiser;
  readonly #settlements: Settlements;
  /** The limits whose counts this replica has raised to the database. */
  readonly #compared = new ComparedLimits();
  /** The limits whose spending this process has read since the shared counts are away. */
  #readAlone = new ComparedLimits();
  readonly #holdings = new Map<string, Holding>();
  /** The ids of requests that wait for the answer of the adapter. The adapter may hold them already. */
  readonly #taking = new Set<string>();
  #onLoss: OnLoss;
  #isAway = false;
  /** Grows when this replica tells all that it holds. */
  #session = 0;
  #lastId = 0;
  readonly #time: AdapterClock;
  #waitsMark = 0;
  /** Whether the adapter has more slots of silent replicas to free. */
  #hasMore = false;
  #resetting: Promise<void> | undefined;
  #stopRenewing = (): void => {};
  #isClosed = false;

  private constructor(parts: ReplicaParts) {
    this.#parts = parts;
    this.#limits = new BoundedLimits(parts.limits, parts);
    const { onFailed } = parts;
    const clock = this.#clock = new EndingClock(parts.clock);
    this.pages = new CostPages(clock);
    this.#settlements = new Settlements({
      limits: this.#limits,
      clock,
      pages: this.pages,
      from: () => this.#from,
      isAway: () => this.#isAway,
      onLost: (error) => this.#lost(error),
      needsBalance: (keys) => this.#raiser.isUsed(keys),
    });
    this.#onLoss = parts.onLoss ?? "go_on";
    this.#raiser = new BalanceRaiser({
      clock,
      readBalances: async (keys) => {
        // The balances perhaps lack costs that replicas tell after this.
        const from = this.#from;
        return { from, ...await parts.readBalances(keys) };
      },
      onFailed,
      raise: (raise) => this.#raise(raise),
      onRaised: ({ balances, pages }) =>
        this.#settlements.onRaised(new Set(balances.map(({ key }) => key)), pages[parts.id] ?? 0),
      heldKeys: () => this.#heldKeys(),
    });
    this.#queue = new HoldingQueue((holdings) =>
      this.#send(this.#limits.hold({ from: this.#from, holdings, costs: [] }))
    );
    this.objects = new ObjectHoldings({
      limits: this.#limits,
      clock,
      queue: this.#queue,
      raiser: this.#raiser,
      from: () => this.#from,
      isAway: () => this.#isAway || this.#isClosed,
      send: (sent) => this.#send(sent),
    });
    this.#time = new AdapterClock(clock);
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

  /** The time of the shared counts, in milliseconds since 1970. */
  get epochMs(): number {
    return this.#time.epochMs;
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
    // The cost is booked for all of them, so that all are raised.
    if (needs.length > 0) this.#raiser.use(holding.keys);
    if (!take.isFree) await this.#raiseNew(needs);
    const session = this.#session;
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
    // The adapter has replaced what this replica holds, perhaps after it took this request.
    if (session !== this.#session) this.#hold(holding);
    return { kind: "taken", held: new SharedHold(this, holding) };
  }

  /** Replaces the holding of a running request. Does nothing if the request has ended. */
  replace(holding: Holding): void {
    if (!this.#holdings.has(holding.id)) return;
    this.#holdings.set(holding.id, holding);
    this.#hold(holding);
  }

  /** Settles a request. Returns the page of its cost, as {@link Settlements.settle} does. */
  settle(used: Used): number | undefined {
    const holding = this.#holdings.get(used.id);
    if (holding === undefined) return undefined;
    this.#holdings.delete(used.id);
    if (!this.#isAway) this.#queue.sendNow(used.id);
    return this.#settlements.settle(holding.keys, used);
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
    await this.objects.close();
    this.#isClosed = true;
    this.#raiser.close();
    this.#queue.sendChanged();
    this.#queue.clear();
    this.#clock.end();
    try {
      if (!this.#isAway) await this.#limits.leave(this.#parts.id);
    } catch {
      // The adapter could not be reached. It drops the holdings when they expire.
    }
    await this.#limits.close().catch(() => {});
  }

  /**
   * Raises the counts of limits that this replica sees for the first time. The spending of a token that had
   * no limit meanwhile is only in the database. If the database cannot be reached, later requests do not wait
   * for it: the counts are raised in the background as soon as they can be.
   */
  async #raiseNew(ledgers: readonly LimitedLedger[]): Promise<void> {
    if (this.#isAway) return this.#readNew(ledgers);
    const fresh = this.#compared.newOf(ledgers);
    if (fresh.length === 0 || this.#isClosed) return;
    await this.#raiser.seed(fresh.map(({ key }) => key));
    this.#compared.add(fresh);
    // Other replicas write their last spending a moment later.
    this.#raiser.raiseIn(RAISE_SOON_MS);
  }

  /**
   * Reads the spending under new limits from the database soon, because this process counts alone. Requests
   * do not wait for it: the database may be away too.
   */
  #readNew(ledgers: readonly LimitedLedger[]): void {
    const fresh = this.#readAlone.newOf(ledgers);
    if (fresh.length === 0) return;
    this.#readAlone.add(fresh);
    this.#raiser.raiseIn(RAISE_ALONE_MS);
  }

  /**
   * Asks the adapter whether a request may run. Returns `undefined` if the shared counts cannot be reached.
   */
  async #tryTake(
    id: string,
    { ledgers, reservation, isFree, spansOf }: ReplicaTake,
  ): Promise<TakeResult | undefined> {
    const sent = ledgers.map(({ key, limits, maxRequests }) => ({ key, limits, maxRequests }));
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (this.#isAway || this.#isClosed) return undefined;
      const { hour } = this.#time;
      const from = this.#from;
      let result: TakeResult;
      try {
        this.#queue.sendChanged();
        const spans = spansOf(hour);
        result = await this.#limits.take({ from, id, ledgers: sent, reservation, isFree, hour, spans });
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
          await this.#clock.wait(Math.min(result.waitMs, TELLING_MS));
          break;
        }
        case "other_hour":
          this.#time.adjust(result.epochMs, { isCertain: true });
          break;
        case "unknown_replica":
          try {
            // Another request may have begun a session meanwhile.
            if (from.session === this.#session || this.#resetting !== undefined) await this.#reset();
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

  get #from(): Sender {
    return { replica: this.#parts.id, session: this.#session };
  }

  /** Releases what the shared counts perhaps hold. */
  #release(id: string): void {
    this.#queue.sendNow(id);
    void this.#send(this.#limits.settle({ from: this.#from, id, tokens: 0, costs: [] }));
  }

  /**
   * The ledgers that must be raised: those of costs, and those with a balance that requests and objects hold,
   * which may run for hours.
   */
  #heldKeys(): ReadonlySet<string> {
    const keys = new Set(this.#settlements.keys());
    for (const held of [this.#holdings.values(), this.objects.held()]) {
      for (const holding of held) {
        for (const key of holding.keys) if (this.#raiser.isUsed([key])) keys.add(key);
      }
    }
    return keys;
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
    this.#readAlone = new ComparedLimits();
    this.#queue.clear();
    this.#parts.onHealth("failing", messageOf(error), this.#onLoss);
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
      this.objects.keep();
      if (this.#parts.hasOtherCounts?.() === true) this.#raiser.raiseIn(RAISE_BESIDE_MS);
    } catch (error) {
      this.#lost(error);
    }
    const renewMs = this.#hasMore ? RENEW_SOON_MS : RENEW_MS;
    if (!this.#isClosed) this.#beatIn(this.#isAway ? PROBE_MS : renewMs);
  }

  async #renew(heldIds?: readonly string[]): Promise<boolean> {
    const { onWaits } = this.#parts;
    const renewal = { from: this.#from, waitsMark: this.#waitsMark, heldIds };
    const { isKnown, epochMs, waits, waitsMark, hasMore = false } = await this.#limits.renew(renewal);
    this.#hasMore = hasMore;
    this.#time.adjust(epochMs, { isCertain: false });
    this.#waitsMark = waitsMark;
    if (waits.length > 0) onWaits(waits);
    return isKnown;
  }

  /** Sends all holdings of this replica to the adapter. Several callers share one message. */
  #reset(): Promise<void> {
    return this.#resetting ??= this.#sendAll().finally(() => this.#resetting = undefined);
  }

  /** Joins again as soon as the adapter answers. The holdings of this replica follow in pieces. */
  async #sendAll(): Promise<void> {
    this.#queue.clear();
    // Messages that are on their way hold nothing any more.
    this.#session++;
    // Waits count again if the adapter has lost them.
    this.#waitsMark = 0;
    // Costs count before the adapter drops the requests that had them. What ends meanwhile is dropped later.
    const running = [...this.#holdings.keys()];
    await this.#settlements.tell();
    const sent = [...new Set([...running, ...this.#holdings.keys(), ...this.#taking])];
    await this.#renew(sent);
    const wasAway = this.#isAway;
    this.#isAway = false;
    const held = [...this.#holdings.values(), ...this.objects.held()];
    void this.#queue.addRest(held).then(() => this.#releaseEnded(sent));
    if (!wasAway) return;
    this.#parts.onHealth("ok", "", this.#onLoss);
    this.#raiser.raiseIn(RAISE_SOON_MS);
  }

  /** Releases what ended while the adapter could not be reached, after its cost. */
  async #releaseEnded(sent: readonly string[]): Promise<void> {
    await this.#send(this.#settlements.tell().then(() => this.#settlements.countTokens()));
    if (this.#isAway || this.#isClosed) return;
    for (const id of sent) if (!this.#holdings.has(id) && !this.#taking.has(id)) this.#release(id);
    this.objects.releaseEnded();
  }

  async #raise(raise: Raise): Promise<boolean> {
    if (this.#isAway) return false;
    try {
      await this.#limits.raise(raise);
      return true;
    } catch (error) {
      this.#lost(error);
      return false;
    }
  }
}
