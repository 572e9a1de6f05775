import { sha256 } from "@noble/hashes/sha2.js";
import { type Principal, type Rules, sharedPrincipal } from "../principal.ts";

/** Whose token a value is, or why its holder may not use it any more. */
export type TokenCheckResult =
  | { readonly principal: Principal }
  | { readonly refused: "token_expired" | "token_revoked"; readonly message: string };

/** Tells whose token a presented value is; undefined: nobody's. */
export type TokenCheck = (candidate: string) => TokenCheckResult | undefined;

/**
 * A check against the tokens of the configuration. Hashes are compared, in constant time and each with every token,
 * so that neither a token's length nor how much of it was right shows in the time an answer takes.
 */
export function sharedTokenCheck(
  tokens: readonly { readonly name: string; readonly token: string; readonly rules?: Rules }[],
): TokenCheck {
  const encoder = new TextEncoder();
  const hash = (text: string) => sha256(encoder.encode(text));
  const expected = tokens.map(({ name, token, rules }) => ({
    result: { principal: sharedPrincipal(name, rules) },
    hash: hash(token),
  }));
  return (candidate) => {
    const presented = hash(candidate);
    let found: TokenCheckResult | undefined;
    for (const { result, hash } of expected) {
      if (isEqual(presented, hash)) found = result;
    }
    return found;
  };
}

/** Looks at every byte, whatever it finds. */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
