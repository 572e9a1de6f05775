/** The service tier of a request or a response: the speed that a client pays for. */

/** Headers, in lower case, that name a service tier: of Bedrock, and of Gemini. */
const TIER_FIELDS: ReadonlySet<string> = new Set(["x-amzn-bedrock-service-tier", "x-gemini-service-tier"]);

/** Service tiers that cost more than the standard tier at some provider. */
const DEAR_TIERS: ReadonlySet<string> = new Set(["priority", "fast"]);

/**
 * The name of a service tier in lower case. `value` is its name, or an object with its name, as Bedrock's
 * `{"type":"priority"}`. The result is `undefined` if the value names none.
 */
export function tierOf(value: unknown): string | undefined {
  const name = typeof value === "object" && value !== null && "type" in value ? value.type : value;
  return typeof name === "string" && name !== "" ? name.trim().toLowerCase() : undefined;
}

/** The service tier that headers name; `undefined` if they name none. */
export function tierInFields(
  fields: readonly { readonly lower: string; readonly value: string }[],
): string | undefined {
  return tierOf(fields.find(namesTier)?.value);
}

function namesTier({ lower }: { readonly lower: string }): boolean {
  return TIER_FIELDS.has(lower);
}

/** The tier of several that costs more than the standard tier; `undefined` if none of them does. */
export function dearTier(tiers: readonly (string | undefined)[]): string | undefined {
  return tiers.find((tier) => tier !== undefined && DEAR_TIERS.has(tier));
}
