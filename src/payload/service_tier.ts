/** The service tier of a request or a response: the speed that a client pays for. */

/** Headers of Bedrock and of Gemini, in lower case, that name a service tier. */
const TIER_FIELDS: ReadonlySet<string> = new Set(["x-amzn-bedrock-service-tier", "x-gemini-service-tier"]);

/** Service tiers that cost more than the standard tier at some provider. */
const DEAR_TIERS: ReadonlySet<string> = new Set(["priority", "fast"]);

/**
 * Returns the name of a service tier in lower case. `value` is the name, or an object with the name, as
 * Bedrock's `{"type":"priority"}`. `undefined` if the value names no tier.
 */
export function tierOf(value: unknown): string | undefined {
  const name = typeof value === "object" && value !== null && "type" in value ? value.type : value;
  return typeof name === "string" && name !== "" ? name.trim().toLowerCase() : undefined;
}

/** Returns the service tier that headers name. `undefined` if they name none. */
export function tierInFields(
  fields: readonly { readonly lower: string; readonly value: string }[],
): string | undefined {
  return tierOf(fields.find(namesTier)?.value);
}

function namesTier({ lower }: { readonly lower: string }): boolean {
  return TIER_FIELDS.has(lower);
}

/** Returns the tier that costs more than the standard tier. `undefined` if none of the tiers does. */
export function dearTier(tiers: readonly (string | undefined)[]): string | undefined {
  return tiers.find((tier) => tier !== undefined && DEAR_TIERS.has(tier));
}
