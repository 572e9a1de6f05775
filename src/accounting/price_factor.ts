/**
 * The prices of service tiers, as multiples of the published price, which is the price of the standard tier.
 */

/** The price of a service tier, as a multiple of the price of the standard tier. */
export interface PriceFactor {
  readonly factor: number;
  /** Whether the factor differs between models. The highest one is then used. */
  readonly isGuessed: boolean;
}

const STANDARD: PriceFactor = { factor: 1, isGuessed: false };
const FACTORS: ReadonlyMap<string, PriceFactor> = new Map([
  // https://openai.com/api-priority-processing/ lists factors of 1.7 to 2.
  ["priority", { factor: 2, isGuessed: true }],
  // https://platform.openai.com/docs/guides/flex-processing: the prices of batches, which are half.
  ["flex", { factor: 0.5, isGuessed: false }],
  ["batch", { factor: 0.5, isGuessed: false }],
  // https://docs.anthropic.com/en/build-with-claude/fast-mode: a factor of 6 for the first models with this
  // mode.
  ["fast", { factor: 6, isGuessed: true }],
]);

/**
 * The factor of the tier that the response reports. Without a report, the factor of the tier in the request.
 */
export function priceFactor(reported: string | undefined, requested: string | undefined): PriceFactor {
  return FACTORS.get(reported ?? requested ?? "") ?? STANDARD;
}
