/** Tries inputs on a target, keeps those that lead to something new, and tells what fails. */

import { cpuUsage } from "node:process";
import { random } from "../support/data/random.ts";
import type { BlockCount, Coverage } from "./coverage.ts";
import { minimized } from "./minimize.ts";
import { mutated, stretched } from "./mutate.ts";
import { failureOf, kindOf, quietly, Word } from "./outcome.ts";
import { type FuzzTarget, PropertyError, type Random } from "./target.ts";

/** So many inputs are tried between two looks at the coverage, which cost more than an input. */
const BATCH = 32;
/** One in so many inputs is made long, and its time is measured. */
const STRETCHED_EVERY = 64;
/** Some limits hold for less than the whole. */
const STRETCHED_BYTES = [1_000, 7_000, 60_000, 96_000];
const LEAST_MS = 60;
/** Many times what the slowest reader takes, counting included. */
const MS_PER_BYTE = 0.004;
const TIMED_TRIES = 3;
/** Of more seeds only those are kept that lead to something new. */
const FEW_SEEDS = 30;
/** What is told of one target; more are the same again. */
const MAX_FAILURES = 20;

/** An input for which a property does not hold, made small. */
export interface Failure {
  readonly target: string;
  readonly input: Uint8Array;
  readonly error: unknown;
}

/** What came of a target so far. */
export interface FuzzFigures {
  readonly executions: number;
  readonly corpus: number;
  readonly blocks: BlockCount;
  readonly failures: readonly Failure[];
}

/** Fuzzes one target for as long as it is called. */
export class FuzzLoop {
  readonly target: FuzzTarget;
  readonly #chance: Random;
  readonly #coverage: Coverage | undefined;
  readonly #measuresTime: boolean;
  readonly #onFailure: (failure: Failure) => void;
  readonly #onInput: (input: Uint8Array) => void;
  readonly #corpus: Uint8Array[] = [];
  readonly #words = new Set<string>();
  readonly #failures = new Map<string, Failure>();
  #executions = 0;

  /**
   * Without `coverage` only the targets' own words say what is new. `onInput` sees every input before it is
   * tried.
   */
  constructor(
    target: FuzzTarget,
    { seed, coverage, measuresTime, onFailure = () => {}, onInput = () => {} }: {
      readonly seed: number;
      readonly coverage?: Coverage;
      readonly measuresTime: boolean;
      readonly onFailure?: (failure: Failure) => void;
      readonly onInput?: (input: Uint8Array) => void;
    },
  ) {
    this.target = target;
    this.#chance = random(seed);
    this.#coverage = coverage;
    this.#measuresTime = measuresTime;
    this.#onFailure = onFailure;
    this.#onInput = onInput;
  }

  /** Tries the target's seeds, with which the corpus begins. */
  async begin(): Promise<void> {
    await this.#coverage?.news();
    for (const seed of [new Uint8Array(), ...this.target.seeds]) {
      const isNew = await this.#try(seed);
      const covers = (await this.#coverage?.news() ?? 0) > 0;
      if (isNew || covers || this.target.seeds.length <= FEW_SEEDS) this.#corpus.push(seed);
    }
    this.#coverage?.hasBegun();
  }

  /** Tries inputs until `isOver`, which is asked after every batch. */
  async run(isOver: (executions: number) => boolean): Promise<void> {
    while (!isOver(this.#executions)) {
      const batch: Uint8Array[] = [];
      let kept = 0;
      for (let index = 0; index < BATCH; index++) {
        const input = mutated(this.#parent(), {
          corpus: this.#corpus,
          words: this.target.words,
          chance: this.#chance,
        });
        batch.push(input);
        if (!await this.#try(input)) continue;
        this.#corpus.push(input);
        kept++;
      }
      if (this.#coverage === undefined || await this.#coverage.news() === 0 || kept === BATCH) continue;
      // One of them ran something new. It has been counted, so that all of them may have been it.
      await this.#keepCovering(batch);
    }
  }

  /** New inputs are tried more often: half of the time one of the latest. */
  #parent(): Uint8Array {
    const { below } = this.#chance;
    const length = this.#corpus.length;
    const at = below(2) === 0 ? below(length) : length - 1 - below(Math.min(length, 16));
    return this.#corpus[at] ?? new Uint8Array();
  }

  async #keepCovering(batch: readonly Uint8Array[]): Promise<void> {
    this.#coverage?.forgetLatest();
    for (const input of batch) {
      await this.#try(input);
      if ((await this.#coverage?.news() ?? 0) > 0) this.#corpus.push(input);
    }
  }

  /** Whether something came of an input that never came before. */
  async #try(input: Uint8Array): Promise<boolean> {
    this.#executions++;
    this.#onInput(input);
    const error = await failureOf(this.target, input);
    if (error instanceof Word) {
      const isNew = !this.#words.has(error.text);
      this.#words.add(error.text);
      if (this.#measuresTime && this.#executions % STRETCHED_EVERY === 0) await this.#time(input);
      return isNew;
    }
    await this.#tell(input, error, async (smaller) => {
      const other = await failureOf(this.target, smaller);
      return !(other instanceof Word) && kindOf(other) === kindOf(error);
    });
    return false;
  }

  async #time(input: Uint8Array): Promise<void> {
    const long = stretched(input, this.#chance.pick(STRETCHED_BYTES), this.#chance);
    this.#onInput(long);
    const allowed = (LEAST_MS + long.length * MS_PER_BYTE) * (this.target.slowness ?? 1);
    let best = Infinity;
    for (let run = 0; run < TIMED_TRIES && best > allowed; run++) {
      // Not by the clock: others may use the machine.
      const begun = cpuUsage();
      await quietly(this.target, long);
      const { user, system } = cpuUsage(begun);
      best = (user + system) / 1_000;
    }
    if (best <= allowed) return;
    const error = new PropertyError(`time: ${best.toFixed(0)} ms for ${long.length} bytes`);
    await this.#tell(long, error, () => Promise.resolve(false));
  }

  async #tell(
    input: Uint8Array,
    error: unknown,
    fails: (smaller: Uint8Array) => Promise<boolean>,
  ): Promise<void> {
    const kind = kindOf(error);
    if (this.#failures.has(kind) || this.#failures.size >= MAX_FAILURES) return;
    const failure = { target: this.target.name, input: await minimized(input, fails), error };
    this.#failures.set(kind, failure);
    this.#onFailure(failure);
  }

  get figures(): FuzzFigures {
    return {
      executions: this.#executions,
      corpus: this.#corpus.length,
      blocks: this.#coverage?.blocks() ?? { begun: 0, covered: 0, known: 0 },
      failures: [...this.#failures.values()],
    };
  }
}
