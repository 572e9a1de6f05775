/** What a provider bills: tokens, and their price, which is the one in the configuration of the proxy. */

/** Tokens of one piece of work. The input includes what was read from a cache and written to it. */
export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly written: number;
}

/**
 * In dollars per million tokens, which are millionths of a dollar per token: whole numbers, so that sums are
 * exact.
 */
export const PRICES = { input: 3, output: 15, cached: 1, cacheWrite: 4 };
export const NO_TOKENS: Tokens = { input: 0, output: 0, cached: 0, written: 0 };

/** Prices as the proxy's configuration has them. */
export const PRICES_TOML =
  `prices = { "bill-*" = { input = ${PRICES.input}, output = ${PRICES.output}, cached = ${PRICES.cached}, cache_write = ${PRICES.cacheWrite} } }`;

/** In millionths of a dollar. */
export function microsOf({ input, output, cached, written }: Tokens): number {
  return (input - cached - written) * PRICES.input + cached * PRICES.cached + written * PRICES.cacheWrite +
    output * PRICES.output;
}

export function plus(one: Tokens, other: Tokens): Tokens {
  return {
    input: one.input + other.input,
    output: one.output + other.output,
    cached: one.cached + other.cached,
    written: one.written + other.written,
  };
}
