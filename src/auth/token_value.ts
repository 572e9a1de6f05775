/** The value of a managed token: `llmp_`, 32 random bytes in base 62, and a checksum that shows slips of the hand. */

import { sha256 } from "@noble/hashes/sha2.js";

const PREFIX = "llmp_";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_BYTES = 32;
/** ⌈256 / log2 62⌉ */
const SECRET_DIGITS = 43;
const CHECKSUM_BYTES = 4;
/** ⌈32 / log2 62⌉ */
const CHECKSUM_DIGITS = 6;

/** A new value out of the system's randomness. */
export function createTokenValue(): string {
  return tokenValueOf(base62(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)), SECRET_DIGITS));
}

/** The value that 43 digits of base 62 come to, with the checksum that makes it look like a token. */
export function tokenValueOf(secret: string): string {
  return `${PREFIX}${secret}${checksumOf(secret)}`;
}

/** Whether a text looks like a managed token, checksum included; anything else need not be looked up. */
export function isTokenValue(text: string): boolean {
  if (text.length !== PREFIX.length + SECRET_DIGITS + CHECKSUM_DIGITS || !text.startsWith(PREFIX)) {
    return false;
  }
  const secret = text.slice(PREFIX.length, PREFIX.length + SECRET_DIGITS);
  return text.endsWith(checksumOf(secret));
}

/** What is kept of a value: SHA-256, which cannot be turned back since the value is random. */
export function hashOf(value: string): Uint8Array {
  return sha256(new TextEncoder().encode(value));
}

/** The last four characters, by which people tell tokens apart. */
export function suffixOf(secret: string): string {
  return secret.slice(-4);
}

function checksumOf(secret: string): string {
  return base62(hashOf(secret).subarray(0, CHECKSUM_BYTES), CHECKSUM_DIGITS);
}

function base62(bytes: Uint8Array, digits: number): string {
  let rest = 0n;
  for (const byte of bytes) rest = rest * 256n + BigInt(byte);
  let text = "";
  for (let digit = 0; digit < digits; digit++) {
    text = (DIGITS[Number(rest % 62n)] ?? "") + text;
    rest /= 62n;
  }
  return text;
}
