import { sha256 } from "@noble/hashes/sha2.js";

/** A longer part of the digest would tell accounts no better apart. In hexadecimal digits. */
const DIGITS = 8;

/**
 * A name for an account at a provider: the address, and a few digits of a digest of the address and the key.
 * They are too few to find the key.
 */
export function providerAccount(origin: string, key: string): string {
  const digest = sha256(new TextEncoder().encode(`${origin}\0${key}`)).toHex();
  return `${origin} ${digest.slice(0, DIGITS)}`;
}
