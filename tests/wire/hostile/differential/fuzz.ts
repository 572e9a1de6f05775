/** Plays generated cases at the proxy in front of real servers, some at a time, and gathers what is wrong. */

import type { FuzzCase } from "./fuzz_case.ts";
import { generateCase } from "./generate.ts";
import { wrongArrivals } from "./checks.ts";
import { Lane, type Outcome, requestsOf } from "./lane.ts";
import { type CaseArrivals, Ledger } from "./ledger.ts";
import { BEHAVIOURS, type EchoServer, type ServerName, startServer } from "./servers.ts";

/** What is to be played. */
export interface FuzzOptions {
  readonly seed: number;
  /** The cases' numbers, in this order. */
  readonly numbers: Iterable<number>;
  /** Only one protocol. */
  readonly protocol?: FuzzCase["protocol"] | undefined;
  /** How many cases run at the same time. */
  readonly lanes: number;
  /** After so many failures no further case begins. */
  readonly maxFailures: number;
  readonly onProgress?: (figures: Figures) => void;
  readonly onFailure?: (failure: Failure) => void;
}

/** A case that went wrong. */
export interface Failure {
  readonly server: ServerName;
  readonly seed: number;
  readonly one: FuzzCase;
  /** What the same proxy was asked before, if that may have left something behind. */
  readonly before: number | undefined;
  readonly complaint: string;
}

/** How far a server's run has come. */
export interface Figures {
  readonly server: ServerName;
  readonly cases: number;
  readonly http2: number;
  /** Requests of A that an echo answered. */
  readonly answered: number;
  /** Requests of A that were answered with an error. */
  readonly refused: number;
  /** Cases whose bytes were sent to the server directly too. */
  readonly compared: number;
  readonly seconds: number;
  readonly failures: readonly Failure[];
}

/** So often what reached the server is looked at. */
const SETTLED_AFTER = 50;
const FIRST_ERROR = 400;

/** Plays cases in front of one server. Throws where the server cannot be started. */
export async function fuzzServer(name: ServerName, options: FuzzOptions): Promise<Figures> {
  const ledger = new Ledger();
  const run = new Run(name, options, ledger);
  await using server = await startServer(name, {
    onRecord: (record) => ledger.record(record),
    onViolation: (behind, reason) => ledger.violation(behind, reason),
  });
  await Promise.all(Array.from({ length: options.lanes }, (_, index) => run.lane(server, index)));
  // A request that its client gave up can reach the server long after.
  for (const [number, arrivals] of ledger.takeRest()) run.late(number, arrivals);
  return run.figures();
}

/** The cases of one server, with what came of them. */
class Run {
  readonly #server: ServerName;
  readonly #options: FuzzOptions;
  readonly #ledger: Ledger;
  readonly #failures: Failure[] = [];
  readonly #begin = performance.now();
  readonly #numbers: Iterator<number>;
  #count = { cases: 0, http2: 0, answered: 0, refused: 0, compared: 0 };

  constructor(server: ServerName, options: FuzzOptions, ledger: Ledger) {
    this.#server = server;
    this.#options = options;
    this.#ledger = ledger;
    this.#numbers = options.numbers[Symbol.iterator]();
  }

  figures(): Figures {
    const seconds = (performance.now() - this.#begin) / 1_000;
    return { server: this.#server, ...this.#count, seconds, failures: this.#failures };
  }

  /** Plays cases until there are no more. */
  async lane(server: EchoServer, index: number): Promise<void> {
    const { onProgress, maxFailures } = this.#options;
    await using lane = new Lane(`lane-${index}`, { server, ledger: this.#ledger });
    const played = new Map<number, Pick<Failure, "one" | "before">>();
    let before: number | undefined;
    while (this.#failures.length < maxFailures) {
      const next = this.#numbers.next();
      if (next.done) break;
      const one = this.#case(next.value);
      played.set(one.number, { one, before });
      const outcome = await lane.play(one);
      this.#counted(one, outcome);
      if (outcome.complaint !== undefined) this.#failed(one, { before, complaint: outcome.complaint });
      // A failure is followed by another proxy.
      before = outcome.complaint === undefined ? one.number : undefined;
      if (played.size >= SETTLED_AFTER) {
        await this.#settle(lane, played);
        onProgress?.(this.figures());
      }
    }
    await this.#settle(lane, played);
  }

  /** Something reached the server after its case had been looked at. */
  late(number: number, arrivals: CaseArrivals): void {
    const one = this.#case(Math.max(number, 0));
    const complaint = wrongArrivals(arrivals, number < 0 ? [] : requestsOf(one));
    if (complaint !== undefined) this.#failed(one, { before: undefined, complaint });
  }

  async #settle(lane: Lane, played: Map<number, Pick<Failure, "one" | "before">>): Promise<void> {
    for (const [number, complaint] of await lane.settle()) {
      const found = played.get(number);
      const isKnown = this.#failures.some((failure) => failure.one.number === number);
      if (found !== undefined && !isKnown) this.#failed(found.one, { before: found.before, complaint });
    }
    played.clear();
  }

  #case(number: number): FuzzCase {
    const { seed, protocol } = this.#options;
    return generateCase({ seed, number }, { behaviours: BEHAVIOURS[this.#server], protocol });
  }

  #counted({ protocol }: FuzzCase, { statuses, compared }: Outcome): void {
    this.#count.cases++;
    if (protocol === "http2") this.#count.http2++;
    if (compared) this.#count.compared++;
    for (const status of statuses) {
      if (status >= FIRST_ERROR) this.#count.refused++;
      else if (status > 0) this.#count.answered++;
    }
  }

  #failed(one: FuzzCase, { before, complaint }: Pick<Failure, "before" | "complaint">): void {
    const failure: Failure = { server: this.#server, seed: this.#options.seed, one, before, complaint };
    this.#failures.push(failure);
    this.#options.onFailure?.(failure);
  }
}

/** So many numbers from a first one on. */
export function* numbersFrom(first: number, count: number): Generator<number> {
  for (let number = first; number < first + count; number++) yield number;
}

/** A failure with everything that is needed to play it again. */
export function failureText({ server, seed, one, before, complaint }: Failure): string {
  const { number, protocol, pieces, ending, whenB, oneByOne, holdsBack } = one;
  const again =
    `deno run -A tests/wire/hostile/differential/run.ts --server ${server} --seed ${seed} --case ${number}`;
  const how = [
    protocol,
    ending,
    `B asks ${whenB}`,
    ...(oneByOne ? ["one request at a time"] : []),
    ...(holdsBack ? ["the last piece follows then"] : []),
  ].join(
    ", ",
  );
  return [
    `${server}, seed ${seed}, case ${number} (${how}): ${complaint}`,
    ...pieces.map((piece) => `  ${JSON.stringify(piece)}`),
    `  ${again}`,
    ...(before === undefined
      ? []
      : [`  or, with what the proxy was asked before: --case ${before},${number}`]),
  ].join("\n");
}
