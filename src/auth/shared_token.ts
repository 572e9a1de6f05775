import { sha256 } from "@noble/hashes/sha2.js";
import { type Principal, type Rules, sharedPrincipal } from "../principal.ts";

/** The principal of a token, or the reason why the token is no longer accepted. */
export type TokenCheckResult =
  | { readonly principal: Principal }
  | {
    readonly rejected: "token_expired" | "token_revoked" | "unauthorized" | "forbidden" | "overloaded";
    readonly message: string;
    /** Whether the value counts as a wrong token of its address, because nothing proves who made it. */
    readonly isGuess?: boolean;
  };

/** Looks up a value that a client sent as a token. Returns undefined if no token matches. */
export type TokenCheck = (candidate: string) => TokenCheckResult | undefined;

/** The most values that are kept in clear to avoid hashing them: clients send one token in few forms. */
const MAX_KNOWN_VALUES = 100;
/** Longer values are not kept: the engine hashes only their length, and would compare their characters. */
const MAX_KNOWN_LENGTH = 1_000;

/**
 * Makes the check against the tokens of the configuration. It compares hashes in constant time, and always
 * with every token. The response time therefore reveals neither the length of a token nor a correct prefix. A
 * valid value is kept, because hashing is the costliest part of a check. A value that is not valid is never
 * kept: the look-up of a guess among the kept values depends on the guess's own hash, and not on how much of
 * it is right.
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
  const known = new Map<string, TokenCheckResult>();
  return (candidate) => {
    const isShort = candidate.length <= MAX_KNOWN_LENGTH;
    const before = isShort ? known.get(candidate) : undefined;
    if (before !== undefined) return before;
    const presented = hash(candidate);
    let found: TokenCheckResult | undefined;
    for (const { result, hash } of expected) {
      if (isEqual(presented, hash)) found = result;
    }
    if (found !== undefined && isShort && known.size < MAX_KNOWN_VALUES) known.set(candidate, found);
    return found;
  };
}

/** Whether two byte arrays are equal. The time does not depend on the place of a difference. */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
