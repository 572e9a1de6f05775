import { sha256 } from "@noble/hashes/sha2.js";

/** Tells whose token a presented value is; undefined: nobody's. */
export type TokenCheck = (candidate: string) => string | undefined;

/**
 * A check against the tokens of the configuration. Hashes are compared, in constant time and each with every token,
 * so that neither a token's length nor how much of it was right shows in the time an answer takes.
 */
export function sharedTokenCheck(
  tokens: readonly { readonly name: string; readonly token: string }[],
): TokenCheck {
  const encoder = new TextEncoder();
  const hash = (text: string) => sha256(encoder.encode(text));
  const expected = tokens.map(({ name, token }) => ({ name, hash: hash(token) }));
  return (candidate) => {
    const presented = hash(candidate);
    let holder: string | undefined;
    for (const { name, hash } of expected) {
      if (isEqual(presented, hash)) holder = name;
    }
    return holder;
  };
}

/** Looks at every byte, whatever it finds. */
function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
