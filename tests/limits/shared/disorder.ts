/**
 * Replicas whose messages are late, lost or answered too late, whose counts and rows are lost, and which are
 * killed or stand still, in random orders. Objects that one replica makes end on any other one. Nothing that
 * was spent or reserved is ever missing in the shared counts, and in the end they are those of the database.
 */

import { assert, assertEquals } from "@std/assert";
import { BudgetCalendar, hourOf } from "../../../src/limits/budget_calendar.ts";
import { Replica } from "../../../src/limits/shared/replica.ts";
import type { SharedHold } from "../../../src/limits/shared/shared_hold.ts";
import {
  type Balances,
  RESERVED_MS,
  type SharedLimits,
  TELLING_MS,
  UNTOLD_MS,
} from "../../../src/limits/shared/shared_limits.ts";
import type { Clock } from "../../../src/time/clock.ts";
import { random } from "../../support/data/random.ts";
import { unless } from "../../support/runner/left_out.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import type { OpenAdapter } from "./shared_bench.ts";

const KEY = "t";
const STEPS = 400;
const RESERVED = 60;
const REPLICAS = 3;
/** Far more than all requests cost, so that no request is rejected. */
const BUDGET = 1_000_000;
const calendar = new BudgetCalendar({ timeZone: "UTC", window: "calendar" });

/** How the counts of an adapter are lost. */
export type LoseCounts = () => Promise<void>;

/** A message, from its sender to the counts and back. */
interface Letter {
  /** `undefined` when the counts have it. */
  run: (() => Promise<void>) | undefined;
  /** Gives the answer to the sender. `undefined` before there is one. */
  answer: (() => void) | undefined;
  /** The connection, as the number of its replacements. */
  readonly connection: number;
  readonly fail: (error: Error) => void;
}

/** The way of one replica to the counts. Each step of a message is done by the test. */
class Wire {
  readonly limits: SharedLimits;
  letters: Letter[] = [];
  #connection = 0;

  constructor(inner: SharedLimits) {
    const post =
      <Args extends unknown[], Result>(send: (...args: Args) => Promise<Result>) =>
      (...args: Args): Promise<Result> => {
        // What it says now, whatever its sender does later.
        const sent = structuredClone(args);
        const { promise, resolve, reject } = Promise.withResolvers<Result>();
        const letter: Letter = {
          connection: this.#connection,
          answer: undefined,
          fail: reject,
          run: async () => {
            const result = await send(...sent);
            letter.answer = () => resolve(result);
          },
        };
        this.letters.push(letter);
        promise.catch(() => {});
        return promise;
      };
    this.limits = {
      take: post((take) => inner.take(take)),
      hold: post((told) => inner.hold(told)),
      settle: post((settlement) => inner.settle(settlement)),
      count: post((minute) => inner.count(minute)),
      raise: post((raise) => inner.raise(raise)),
      renew: post((renewal) => inner.renew(renewal)),
      leave: post((replica) => inner.leave(replica)),
      guess: post((group, guess) => inner.guess(group, guess)),
      close: () => Promise.resolve(),
    };
  }

  /** The next message that arrives, of this connection. */
  get next(): Letter | undefined {
    return this.letters.find(({ run, connection }) => run !== undefined && connection === this.#connection);
  }

  /** A message of an earlier connection. */
  late(pick: <Value>(values: readonly Value[]) => Value): Letter | undefined {
    const late = this.letters.filter(({ run, connection }) =>
      run !== undefined && connection < this.#connection
    );
    return late.length === 0 ? undefined : pick(late);
  }

  /** The sender gets no answer any more. What it sent can still arrive, unless it is lost. */
  cut(isLost: () => boolean): void {
    this.#connection++;
    for (const letter of this.letters) letter.fail(new Error("the connection was cut"));
    this.letters = this.letters.filter(({ run }) => run !== undefined && !isLost());
  }
}

/** A clock that stands still with its process. */
class ProcessClock implements Clock {
  readonly #clock: FakeClock;
  #waiting: (() => void)[] | undefined;
  #hasEnded = false;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  readonly now = (): number => this.#clock.now();
  readonly epochMs = (): number => this.#clock.epochMs();
  readonly after = (delayMs: number, then: () => void): () => void => {
    let isStopped = false;
    const fire = (): void => {
      if (isStopped) return;
      if (this.#waiting === undefined) then();
      else this.#waiting.push(fire);
    };
    const stop = this.#clock.after(delayMs, fire);
    return () => {
      isStopped = true;
      stop();
    };
  };

  get isStill(): boolean {
    return this.#waiting !== undefined;
  }

  stand(): void {
    this.#waiting ??= [];
  }

  /** The process has ended. */
  end(): void {
    this.#hasEnded = true;
    this.stand();
  }

  goOn(): void {
    if (this.#hasEnded) return;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const fire of waiting) fire();
  }
}

/** One process: what runs in it, and the rows that it has not written. */
interface Process {
  readonly id: string;
  readonly wire: Wire;
  readonly clock: ProcessClock;
  replica: Replica | undefined;
  readonly running: { readonly held: SharedHold; readonly micros: number }[];
  rows: { readonly micros: number; readonly page: number | undefined }[];
  /** Reads of the database that wait. */
  readonly reads: (() => void)[];
  spent: number;
  isKilled: boolean;
}

/** An object in the database, such as a batch. */
interface MadeObject {
  readonly id: string;
  isSettled: boolean;
  /** Whether the counts had its reservation when it was made. */
  isCertain: boolean;
}

class World {
  readonly clock = new FakeClock();
  readonly #numbers: ReturnType<typeof random>;
  readonly #limits: SharedLimits;
  readonly #lose: LoseCounts;
  readonly processes: Process[] = [];
  /** What the database has. */
  #written = 0;
  readonly #pages: Record<string, number> = {};
  #lastId = 0;
  /** Messages of killed processes and of replaced connections. */
  readonly #trace: string[] = [];
  readonly #objects: MadeObject[] = [];
  /** Costs of requests of killed processes, whose rows are lost. */
  lost = 0;
  /** Whether messages wait for the test. Otherwise, all arrive at once. */
  #isRough = false;

  constructor(seed: number, clock: FakeClock, limits: SharedLimits, lose: LoseCounts) {
    this.#numbers = random(seed);
    this.clock = clock;
    this.#limits = limits;
    this.#lose = lose;
  }

  get trace(): string {
    return this.#trace.slice(-60).join("\n");
  }

  async begin(): Promise<void> {
    for (let count = 0; count < REPLICAS; count++) this.#start();
    await this.#calm(TELLING_MS + 3_000);
  }

  /** One random step. */
  async step(): Promise<void> {
    const { below, pick } = this.#numbers;
    const process = pick(this.processes);
    const action = below(1_000);
    const say = (what: string) => this.#trace.push(`${this.clock.now()} ${process.id} ${what}`);
    const some = Array.from({ length: 1 + below(4) });
    if (action < 200) { for (const _ of some) await this.#arrive(process, say); }
    else if (action < 380) { for (const _ of some) this.#answer(process, say); }
    else if (action < 400) await this.#arriveLate(say);
    else if (action < 510) this.#request(process, say);
    else if (action < 620) this.#end(process, say);
    else if (action < 670) this.#write(process, { isKept: below(4) > 0, isAnswered: below(3) > 0 });
    else if (action < 790) { for (const _ of some) process.reads.shift()?.(); }
    else if (action < 950) this.clock.pass(pick([10, 30, 100, 200]));
    else if (action < 970) {
      say("cut");
      process.wire.cut(() => below(2) === 0);
    } else if (action < 976) {
      say("stands still");
      process.clock.stand();
    } else if (action < 985) this.clock.pass(pick([600, 3_000, 12_000]));
    else if (action < 990) this.#kill(process, say);
    else await this.#loseCounts(say);
    if (below(12) === 0) this.#isRough = !this.#isRough;
    if (!this.#isRough) await this.#deliver(true);
    if (below(5) === 0) await this.#useObjects(process, say);
    if (process.clock.isStill && below(8) === 0) process.clock.goOn();
    await settled();
  }

  /** What was spent and what live requests have reserved, at the least. */
  get truth(): number {
    const open = this.#objects.filter(({ isSettled, isCertain }) => isCertain && !isSettled);
    return this.processes.reduce((sum, { spent, running }) => sum + spent + RESERVED * running.length, 0) +
      this.#spentBefore + RESERVED * open.length;
  }
  #spentBefore = 0;

  /** What counts for the budget. `undefined` while requests under a budget wait. */
  async counted(): Promise<number | undefined> {
    const from = { replica: "probe", session: 1 };
    await this.#limits.renew({ from, waitsMark: 0 });
    const hour = hourOf(this.clock.epochMs());
    const spans = calendar.spans(hour);
    const isBelow = async (budget: number): Promise<boolean | undefined> => {
      const id = `probe${++this.#lastId}`;
      const ledgers = [{ key: KEY, limits: { totalBudgetMicros: budget }, maxRequests: undefined }];
      const reservation = { tokens: 0, micros: 0 };
      const { kind } = await this.#limits.take({
        from,
        id,
        ledgers,
        reservation,
        isFree: false,
        hour,
        spans,
      });
      if (kind === "taken") await this.#limits.settle({ from, id, tokens: 0, costs: [] });
      return kind === "taken" ? true : kind === "rejected" ? false : undefined;
    };
    let [least, most] = [0, 32_768];
    while (least < most) {
      const middle = Math.floor((least + most) / 2);
      const isTaken = await isBelow(middle + 1);
      if (isTaken === undefined) return undefined;
      if (isTaken) most = middle;
      else least = middle + 1;
    }
    return least;
  }

  /** Ends all requests, and lets all messages arrive and all rows be written. */
  async end(): Promise<{ written: number; counted: number | undefined; slots: string }> {
    for (const { clock } of this.processes) clock.goOn();
    for (let late = 0; late < 1_000; late++) await this.#arriveLate(() => {});
    // Requests can still wait for their admission.
    for (let round = 0; round < 20; round++) {
      await this.#calm(1_000);
      for (const process of this.processes) {
        while (process.running.length > 0) this.#end(process, () => {});
      }
    }
    for (const process of this.processes) {
      for (const object of this.#objects) this.#settleObject(process, object, () => {});
      this.#readObjects(process);
    }
    // The reservations of killed processes end, and those of objects that only these have told.
    await this.#calm(10_000);
    this.clock.pass(UNTOLD_MS);
    await this.#calm(RESERVED_MS + 20_000, 1_000);
    const from = { replica: "probe", session: 1 };
    await this.#limits.renew({ from, waitsMark: 0 });
    const hour = hourOf(this.clock.epochMs());
    const { kind } = await this.#limits.take({
      from,
      id: "slot",
      ledgers: [{ key: KEY, limits: { concurrentRequests: 1 }, maxRequests: undefined }],
      reservation: { tokens: 0, micros: 0 },
      isFree: false,
      hour,
      spans: calendar.spans(hour),
    });
    await this.#limits.settle({ from, id: "slot", tokens: 0, costs: [] });
    // Perhaps no request was admitted since the counts were lost.
    const balance = { key: KEY, requests: 0, totalMicros: this.#written, hours: [] };
    await this.#limits.raise({ from, balances: [balance], pages: this.#pages });
    return { written: this.#written, counted: await this.counted(), slots: kind };
  }

  async close(): Promise<void> {
    for (const { replica } of this.processes) {
      let isClosed = false;
      const closed = replica?.close().finally(() => isClosed = true);
      // A replica may read the database once more.
      for (let round = 0; round < 10 && !isClosed; round++) {
        for (const { wire, reads } of this.processes) {
          wire.cut(() => true);
          for (const answer of reads.splice(0)) answer();
        }
        await settled();
      }
      await closed;
    }
  }

  #start(): void {
    const process: Process = {
      id: `r${++this.#lastId}`,
      wire: new Wire(this.#limits),
      clock: new ProcessClock(this.clock),
      replica: undefined,
      running: [],
      rows: [],
      reads: [],
      spent: 0,
      isKilled: false,
    };
    this.processes.push(process);
    void Replica.join({
      limits: process.wire.limits,
      clock: process.clock,
      timeoutMs: 1_000,
      id: process.id,
      readBalances: (keys) => this.#read(process, keys),
      onHealth: (health, reason) => this.#trace.push(`${this.clock.now()} ${process.id} ${health} ${reason}`),
      onWaits() {},
      onFailed() {},
    }).then((replica) => {
      replica.configure("refuse");
      process.replica = replica;
      this.#readObjects(process);
    });
  }

  async #read(process: Process, keys: ReadonlySet<string>): Promise<Balances> {
    const wait = () => new Promise<void>((resolve) => process.reads.push(resolve));
    await wait();
    if (this.#numbers.below(10) === 0) throw new Error("the database is away");
    this.#write(process, { isKept: true, isAnswered: true });
    const pages = { ...this.#pages };
    await wait();
    const totalMicros = this.#written;
    await wait();
    return { balances: [...keys].map((key) => ({ key, requests: 0, totalMicros, hours: [] })), pages };
  }

  /** Writes the rows of a process. The database may keep them without an answer. */
  #write(process: Process, { isKept, isAnswered }: { isKept: boolean; isAnswered: boolean }): void {
    const { replica, rows, id } = process;
    if (replica === undefined || rows.length === 0 || process.clock.isStill) return;
    const counts = new Map<number, number>();
    for (const { page } of rows) if (page !== undefined) counts.set(page, (counts.get(page) ?? 0) + 1);
    const page = replica.pages.turn(counts);
    if (isKept) {
      for (const row of rows) {
        if (!this.#kept.has(row)) this.#written += row.micros;
        this.#kept.add(row);
      }
      this.#pages[id] = page;
    }
    if (!isKept || !isAnswered) return;
    replica.pages.ended(counts);
    process.rows = [];
  }
  readonly #kept = new WeakSet<object>();

  async #arrive(process: Process, say: (what: string) => void): Promise<void> {
    if (await this.#run(process.wire.next)) say("a message arrives");
  }

  /** A message arrives late. Its sender may have ended. */
  async #arriveLate(say: (what: string) => void): Promise<void> {
    const { pick } = this.#numbers;
    const wires = [...this.processes.map(({ wire }) => wire), ...this.#late];
    if (await this.#run(pick(wires).late(pick))) say("a message of an earlier connection arrives");
  }

  async #run(letter: Letter | undefined): Promise<boolean> {
    if (letter?.run === undefined) return false;
    const { run } = letter;
    letter.run = undefined;
    await run();
    return true;
  }

  #answer({ wire, clock }: Process, say: (what: string) => void): void {
    const at = wire.letters.findIndex(({ answer }) => answer !== undefined);
    if (at === -1 || clock.isStill) return;
    const [letter] = wire.letters.splice(at, 1);
    say("an answer");
    letter?.answer?.();
  }

  #request(process: Process, say: (what: string) => void): void {
    const { replica, running } = process;
    if (replica === undefined || process.clock.isStill) return;
    const micros = 20 + this.#numbers.below(41);
    void replica.take({
      ledgers: [{ key: KEY, limits: { totalBudgetMicros: BUDGET }, maxRequests: undefined }],
      reservation: { tokens: 0, micros: RESERVED },
      isFree: false,
      spansOf: (hour) => calendar.spans(hour),
    }).then((result) => {
      say(`a request is ${result.kind}`);
      if (result.kind === "taken" && !process.isKilled) running.push({ held: result.held, micros });
    });
  }

  #end(process: Process, say: (what: string) => void): void {
    if (process.clock.isStill) return;
    const ended = process.running.shift();
    if (ended === undefined) return;
    const { held, micros } = ended;
    say(`a request ends with ${micros}`);
    process.spent += micros;
    const page = held.settle({ tokens: 0, micros, hour: hourOf(this.clock.epochMs()) });
    if (page !== undefined) process.replica?.pages.queued(page);
    process.rows.push({ micros, page });
  }

  /** An object is made or ends, or the process reads from the database which objects have. */
  async #useObjects(process: Process, say: (what: string) => void): Promise<void> {
    const { below, pick } = this.#numbers;
    const { replica, wire } = process;
    if (replica === undefined || process.clock.isStill) return;
    const action = below(4);
    if (action === 0) {
      // Its request has reserved the money, and hands it over in one message, which is not late here.
      if (this.#isRough || replica.isAway || wire.letters.length > 0) return;
      const object = { id: `object ${++this.#lastId}`, isSettled: false, isCertain: false };
      replica.objects.hold({ id: object.id, keys: [KEY], micros: RESERVED });
      await settled();
      await this.#deliver(true);
      this.#objects.push(object);
      // Otherwise its request still has the reservation, which is not in this model.
      object.isCertain = !replica.isAway;
      say(`makes ${object.id}`);
    } else if (action === 1 && this.#objects.length > 0) {
      this.#settleObject(process, pick(this.#objects), say);
    } else this.#readObjects(process);
  }

  /** The process settles an object, which it perhaps does not know. The row is in the database at once. */
  #settleObject({ replica, clock }: Process, object: MadeObject, say: (what: string) => void): void {
    if (object.isSettled || replica === undefined || clock.isStill) return;
    const micros = this.#numbers.below(RESERVED + 1);
    say(`settles ${object.id} with ${micros}`);
    object.isSettled = true;
    this.#written += micros;
    this.#spentBefore += micros;
    replica.objects.settle({ id: object.id, tokens: 0, micros }, { keys: [KEY], micros: RESERVED });
  }

  #readObjects({ replica, clock }: Process): void {
    if (replica === undefined || clock.isStill) return;
    const held = new Set([...replica.objects.held()].map(({ id }) => id));
    for (const { id, isSettled } of this.#objects) {
      const isHeld = held.has(`object ${id}`);
      if (isSettled) replica.objects.release(id);
      else if (!isHeld) replica.objects.hold({ id, keys: [KEY], micros: RESERVED });
    }
  }

  #kill(process: Process, say: (what: string) => void): void {
    say("killed");
    process.isKilled = true;
    process.wire.cut(() => this.#numbers.below(2) === 0);
    process.clock.end();
    const lost = process.rows.filter((row) => !this.#kept.has(row)).reduce(
      (sum, { micros }) => sum + micros,
      0,
    );
    this.lost += lost;
    this.#spentBefore += process.spent - lost;
    this.processes.splice(this.processes.indexOf(process), 1);
    this.#late.push(process.wire);
    this.#start();
  }
  /** The ways of killed processes, with messages that still arrive. */
  readonly #late: Wire[] = [];

  /** All replicas tell within the time that they have. Messages of before can arrive at any time. */
  async #loseCounts(say: (what: string) => void): Promise<void> {
    say("the counts are lost");
    await this.#lose();
    for (const { clock } of this.processes) clock.goOn();
    await settled();
    await this.#calm(TELLING_MS + 1_500, 100, false);
    this.#trace.push(`${this.clock.now()} all have told`);
  }

  /** Lets messages arrive and answers come at once for a time. */
  async #calm(durationMs: number, stepMs = 100, reads = true): Promise<void> {
    for (let passed = 0; passed < durationMs; passed += stepMs) {
      this.clock.pass(stepMs);
      await settled();
      await this.#deliver(reads);
    }
  }

  async #deliver(reads: boolean): Promise<void> {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (const process of this.processes) {
        const { wire, clock } = process;
        if (await this.#run(wire.next)) isBusy = true;
        if (clock.isStill) continue;
        const at = wire.letters.findIndex(({ answer }) => answer !== undefined);
        if (at !== -1) {
          wire.letters.splice(at, 1)[0]?.answer?.();
          isBusy = true;
        }
        if (!reads) continue;
        if (process.reads.length > 0) {
          process.reads.shift()?.();
          isBusy = true;
        }
        this.#write(process, { isKept: true, isAnswered: true });
      }
      await settled();
    }
  }
}

/** Lets all that waits for no clock, no message and no read happen. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 40; turn++) await Promise.resolve();
}

/** Declares the test of one adapter. */
export function disorderTest(
  name: string,
  { open, lose, reason }: {
    open: OpenAdapter["open"];
    lose: LoseCounts;
    reason?: string | undefined;
  },
  seeds: number,
): void {
  Deno.test({
    ...unless(
      reason,
      `${name}: what replicas spend and reserve counts in any order of messages, losses and kills, and once`,
    ),
    async fn() {
      for (let seed = 1; seed <= seeds; seed++) {
        const clock = new FakeClock();
        const limits = await open(clock);
        const world = new World(seed, clock, limits, lose);
        try {
          await world.begin();
          for (let step = 0; step < STEPS; step++) {
            await world.step();
            if (step % 5 > 0) continue;
            const counted = await world.counted();
            const { truth } = world;
            assert(
              counted === undefined || counted >= truth,
              `seed ${seed}, step ${step}: ${counted} of ${truth} counts\n${world.trace}`,
            );
          }
          const { written, counted, slots } = await world.end();
          assertEquals(slots, "taken", `seed ${seed}: a slot is in use\n${world.trace}`);
          assert(
            counted !== undefined && counted >= written && counted <= written + world.lost,
            `seed ${seed}: ${counted} counts in the end, ${written} are written, ${world.lost} lost\n${world.trace}`,
          );
        } finally {
          await world.close();
          await limits.close();
        }
      }
    },
  });
}
