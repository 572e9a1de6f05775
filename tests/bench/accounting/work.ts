/**
 * One piece of work of a provider: how long its answer is, how fast it writes, and what it has billed so far.
 */

import { random } from "../../support/data/random.ts";
import type { Tokens } from "./bill.ts";
import type { Used } from "./dialects.ts";
import type { Kind } from "./kinds.ts";
import { type Below, lengthOf, piecesOf, type Style, styleOf } from "./texts.ts";

/** What a test may decide, which is else left to chance. */
export interface WorkOptions {
  readonly style?: Style;
  readonly tokensPerMs?: number;
  readonly maxTokens?: number | undefined;
  /** Tokens that nobody sees, for each that is seen. */
  readonly hidden?: number;
}

const SLOWEST_TOKENS_PER_MS = 0.05;

/** What is decided before the work begins, by the number of the exchange alone. */
export interface Plan {
  readonly question: string;
  readonly input: Tokens;
  readonly pieces: readonly string[];
  /** Tokens that are written before the text, where nobody sees them. */
  readonly reasoning: number;
  readonly tokensPerMs: number;
  readonly below: Below;
}

export function planOf(kind: Kind, serial: number, options: WorkOptions = {}): Plan {
  const { below } = random(serial);
  const style = options.style ?? styleOf(below);
  const question = piecesOf(styleOf(below), 5 + lengthOf(below), below);
  // Some words of the provider's own stand around each message.
  const input = question.length + (kind.dialect === "embeddings" ? 0 : 7);
  const cached = kind.caches ? below(input) : 0;
  const written = kind.caches && kind.dialect === "messages" ? below(input - cached) : 0;
  const length = kind.dialect === "embeddings" ? 0 : lengthOf(below);
  const wanted = kind.reasons ? Math.round(length * (options.hidden ?? below(300) / 100)) : 0;
  const most = options.maxTokens ?? Infinity;
  const reasoning = Math.min(wanted, most);
  return {
    question: question.join(""),
    input: { input, output: 0, cached, written },
    pieces: piecesOf(style, Math.min(length, most - reasoning), below),
    reasoning,
    tokensPerMs: options.tokensPerMs ?? SLOWEST_TOKENS_PER_MS + below(250) / 1_000,
    below,
  };
}

/** What is used of a plan where so many tokens of text have been written, behind all that is unseen. */
export function usedOf({ input, reasoning }: Plan, textTokens: number): Used {
  return { ...input, output: reasoning + textTokens, reasoning };
}
