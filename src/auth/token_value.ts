/**
 * The value of a managed token: `llmp_`, 32 random bytes in base 62, and a checksum that reveals typing
 * errors.
 */

import { sha256 } from "@noble/hashes/sha2.js";

const PREFIX = "llmp_";
const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SECRET_BYTES = 32;
/** ⌈256 / log2 62⌉ */
const SECRET_DIGITS = 43;
const CHECKSUM_BYTES = 4;
/** ⌈32 / log2 62⌉ */
const CHECKSUM_DIGITS = 6;

/** Makes a new token value from the system's random numbers. */
export function createTokenValue(): string {
  return tokenValueOf(base62(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)), SECRET_DIGITS));
}

/** Makes a token value from 43 digits of base 62: adds the prefix and the checksum. */
export function tokenValueOf(secret: string): string {
  return `${PREFIX}${secret}${checksumOf(secret)}`;
}

/** Makes the value of an invitation, which works once: 32 random bytes in base 62. */
export function createInvitationValue(): string {
  return base62(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)), SECRET_DIGITS);
}

/** Whether a text has the form of a managed token and a correct checksum. Other texts need no lookup. */
export function isTokenValue(text: string): boolean {
  if (text.length !== PREFIX.length + SECRET_DIGITS + CHECKSUM_DIGITS || !text.startsWith(PREFIX)) {
    return false;
  }
  const secret = text.slice(PREFIX.length, PREFIX.length + SECRET_DIGITS);
  return text.endsWith(checksumOf(secret));
}

/**
 * The SHA-256 of a value, which is all that the database keeps. The value is random, so it cannot be
 * recovered.
 */
export function hashOf(value: string): Uint8Array {
  return sha256(new TextEncoder().encode(value));
}

/** The last four characters of a secret, by which people distinguish tokens and keys. */
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
