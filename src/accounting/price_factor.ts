/**
 * What faster processing costs, as a multiple of a model's price: published prices are those of the standard tier.
 * OpenAI's priority costs 1.7 to 2 times as much, Anthropic's fast mode 6 times. Cheaper tiers count as standard.
 */
const FACTORS: ReadonlyMap<string, number> = new Map([["priority", 2], ["fast", 6]]);

/** The factor of the tier that an answer tells, else of the one that was asked for. */
export function priceFactor(told: string | undefined, asked: string | undefined): number {
  return FACTORS.get(told ?? asked ?? "") ?? 1;
}
