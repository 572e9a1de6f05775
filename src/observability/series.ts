/** The sums of exchanges that metrics are made from. */

import type { ExchangeRow } from "../storage/store.ts";

/** The value of a label if the exchange has no such value. */
export const NONE = "none";

/** Sums of exchanges with equal labels. */
export interface Series {
  readonly endpoint: string;
  readonly provider: string;
  readonly status: string;
  readonly ending: string;
  readonly backend: string | undefined;
  readonly model: string;
  exchanges: number;
  bytes: number;
  costMicros: number;
  unpriced: number;
  readonly tokens: Record<TokenKind, number>;
}

/** The kinds of LLM tokens, as labels, with the member of the row that has their number. */
export const TOKEN_KINDS = {
  input: "inputTokens",
  output: "outputTokens",
  cached: "cachedTokens",
  cache_write: "cacheWriteTokens",
  reasoning: "reasoningTokens",
  audio: "audioTokens",
  image: "imageTokens",
} as const satisfies Record<string, keyof ExchangeRow>;
/** A kind of LLM tokens, as a label. */
export type TokenKind = keyof typeof TOKEN_KINDS;
/** All kinds of LLM tokens. */
// Object.keys returns strings. They are the keys of the constant above.
export const KINDS = Object.keys(TOKEN_KINDS) as TokenKind[];
