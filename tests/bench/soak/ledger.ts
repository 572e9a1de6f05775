/** The clients' side of the books: what they asked, what they got, and what they should not have got. */

import type { Asked, Outcome } from "./asked.ts";
import { refusalOf } from "./credentials.ts";
import { outputTokensOf } from "./kinds.ts";

/** What has to be found of an exchange in the proxy's records. */
export interface Entry {
  readonly kind: string;
  readonly status: number | undefined;
  readonly requestId: string | undefined;
  /** Under which configuration it was sent, at the least. */
  readonly generation: number;
  /** Undefined: nothing is known of them. */
  readonly outputTokens: number | undefined;
  /** Its client did not see its end, and why. */
  readonly lost: string | undefined;
}

/** Problems that are kept; of the others there is a count. */
const MOST_PROBLEMS = 20;

const MOST_TEXT = 200;

export class Ledger {
  /** By their numbers. */
  readonly entries = new Map<number, Entry>();
  readonly problems: string[] = [];
  /** By kind and outcome. */
  readonly counts = new Map<string, number>();
  /** Requests begun with a token after its end had been answered. */
  endedTried = 0;
  /** Problems beyond those that are kept. */
  more = 0;
  #serial = 0;

  get asked(): number {
    return this.#serial;
  }

  nextSerial(): number {
    return ++this.#serial;
  }

  /** It did not come to an end. */
  lost({ serial, kind, over, generation }: Asked, error: unknown): void {
    const entry = { kind: kind.name, status: undefined, requestId: undefined, outputTokens: undefined };
    this.entries.set(serial, { ...entry, generation, lost: `${over}: ${kind.name}: ${error}` });
  }

  ended(asked: Asked, outcome: Outcome): void {
    const { kind, serial, over, credential, begunAt, generation } = asked;
    const { status, requestId, ended, answers } = outcome;
    const now = performance.now();
    const refusal = kind.who === "nobody" ? "must" : refusalOf(credential, { begunAt, now });
    const isMetered = kind.isMetered === true && ended === "whole" && (status === 200 || status === 101);
    this.entries.set(serial, {
      kind: kind.name,
      status,
      requestId,
      generation,
      lost: undefined,
      outputTokens: isMetered ? outputTokensOf(serial) * (answers ?? 1) : undefined,
    });
    if (kind.who === "ended") this.endedTried++;
    const name = `${kind.name}: ${status ?? "no head"}${ended === "nothing" ? "" : ` ${ended}`}`;
    this.count(name);

    const isRefused = status === 401 && ended === "whole";
    if (refusal === "must" && !isRefused && ended !== "left") {
      return this.problem(`${serial}: a token that had ended was let in: ${over}: ${name}`);
    }
    if (refusal !== "never" && isRefused) return;
    // Who leaves may see nothing of the answer.
    const isFine = kind.leaves !== undefined && ended === "left" ||
      kind.expects.includes(`${status} ${ended}`);
    if (!isFine) {
      this.problem(`${serial}: ${over}: ${name} ${JSON.stringify(outcome.text.slice(0, MOST_TEXT))}`);
    }
    if (kind.endpoint === "asking" && outcome.text.includes('"usage"')) {
      this.problem(`${serial}: the client saw the usage that only the proxy asked for`);
    }
  }

  count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  problem(what: string): void {
    if (this.problems.length < MOST_PROBLEMS) this.problems.push(what);
    else this.more++;
  }
}
