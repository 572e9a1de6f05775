/**
 * The prices of service tiers, as multiples of the published price. The published price is that of the
 * standard tier.
 */

/** The price of a service tier, as a multiple of the price of the standard tier. */
export interface PriceFactor {
  readonly factor: number;
  /** Whether the factor differs between models. The highest factor is then used. */
  readonly isGuessed: boolean;
}

/** The tier of the results of batches. Neither clients nor responses name it. */
export const BATCH_TIER = "batch";

const STANDARD: PriceFactor = { factor: 1, isGuessed: false };
const HALF: PriceFactor = { factor: 0.5, isGuessed: false };
/** Tiers at the standard price, by the names of all providers. */
const STANDARD_TIERS: ReadonlySet<string> = new Set(["default", "standard", "standard_only", "on_demand"]);
/** Tiers that cost more, at providers that are not in the table below. */
const DEARER: ReadonlyMap<string, PriceFactor> = new Map([
  // https://openai.com/api-priority-processing/ lists factors of 1.7 to 2.
  ["priority", { factor: 2, isGuessed: true }],
  // https://docs.anthropic.com/en/build-with-claude/fast-mode has a factor of 6 for the first models with
  // this mode.
  ["fast", { factor: 6, isGuessed: true }],
]);
/** Tiers by the provider. A tier costs less only if its provider is in this table. */
const BY_PROVIDER: ReadonlyMap<string, ReadonlyMap<string, PriceFactor>> = new Map([
  // https://platform.openai.com/docs/guides/flex-processing: flex has the prices of batches, which are half.
  ["openai", new Map([["flex", HALF]])],
  ["azure", new Map([["flex", HALF]])],
  // https://ai.google.dev/gemini-api/docs/flex-inference
  ["google", new Map([["flex", HALF]])],
  // https://aws.amazon.com/bedrock/service-tiers/: priority costs 75 percent more, and flex half.
  ["aws", new Map([["priority", { factor: 1.75, isGuessed: true }], ["flex", HALF]])],
]);

/**
 * Returns the factor of the tier that the response reports. If the response reports no tier, or an unknown
 * one, returns the factor of the tier in the request, but at least that of the standard tier.
 */
export function priceFactor(
  { reported, requested, provider }: {
    readonly reported: string | undefined;
    readonly requested: string | undefined;
    /** The provider whose prices apply. `undefined` if it is unknown. */
    readonly provider: string | undefined;
  },
): PriceFactor {
  if (reported === BATCH_TIER) return HALF;
  const known = factorOf(reported, provider);
  if (known !== undefined) return known;
  const asked = factorOf(requested, provider) ?? STANDARD;
  return asked.factor > 1 ? asked : STANDARD;
}

/** The factor of a tier. `undefined` if the proxy does not know the tier at this provider. */
function factorOf(tier: string | undefined, provider: string | undefined): PriceFactor | undefined {
  if (tier === undefined) return undefined;
  if (STANDARD_TIERS.has(tier)) return STANDARD;
  return BY_PROVIDER.get(provider ?? "")?.get(tier) ?? DEARER.get(tier);
}
