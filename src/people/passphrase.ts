/** Hashes of passphrases: scrypt (RFC 7914), with its parameters beside each hash. */

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** The costs of a hash. One hash needs 128 · N · r bytes of memory: 128 MiB. */
export interface Costs {
  /** The binary logarithm of N. */
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP's Password Storage Cheat Sheet (2025) recommends these. */
const COSTS: Costs = { logN: 17, r: 8, p: 1 };
/** The highest costs that a stored hash may ask for. */
const MAX_LOG_N = 20;
const MAX_FACTOR = 16;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/**
 * Hashes a passphrase, outside of the thread of the caller. The result has the costs and the salt:
 * `scrypt$17$8$1$salt$hash`, both in base64.
 */
export async function hashPassphrase(passphrase: string, costs: Costs = COSTS): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derived(passphrase, salt, costs);
  return ["scrypt", costs.logN, costs.r, costs.p, bytesText(salt), bytesText(hash)].join("$");
}

/**
 * Whether a passphrase has a hash. Without a hash the check fails, after the same time.
 */
export async function isPassphrase(passphrase: string, hash: string | undefined): Promise<boolean> {
  const parsed = hash === undefined ? undefined : parseHash(hash);
  const { costs, salt, expected } = parsed ?? NOBODYS;
  const found = await derived(passphrase, salt, costs);
  return timingSafeEqual(found, expected) && parsed !== undefined;
}

/** What a stored hash says: its costs, its salt, and the hash itself. */
export interface ParsedHash {
  readonly costs: Costs;
  readonly salt: Uint8Array;
  readonly expected: Uint8Array;
}

const NOBODYS: ParsedHash = {
  costs: COSTS,
  salt: new Uint8Array(SALT_BYTES),
  expected: new Uint8Array(HASH_BYTES),
};

/** Reads a stored hash. Returns `undefined` if this program did not write the text. */
export function parseHash(text: string): ParsedHash | undefined {
  const [, logN, r, p, salt = "", hash = ""] =
    /^scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([\w+/]{22}==)\$([\w+/]{43}=)$/.exec(text) ?? [];
  const costs = { logN: Number(logN), r: Number(r), p: Number(p) };
  const isAllowed = costs.logN >= 1 && costs.logN <= MAX_LOG_N &&
    [costs.r, costs.p].every((factor) => factor >= 1 && factor <= MAX_FACTOR);
  return isAllowed
    ? { costs, salt: Uint8Array.fromBase64(salt), expected: Uint8Array.fromBase64(hash) }
    : undefined;
}

function derived(passphrase: string, salt: Uint8Array, { logN, r, p }: Costs): Promise<Uint8Array> {
  const N = 2 ** logN;
  // The driver asks for a limit of memory, in bytes.
  const options = { N, r, p, maxmem: 256 * N * r };
  return new Promise((resolve, reject) => {
    // Keyboards write some letters in one character or in two.
    scrypt(passphrase.normalize("NFC"), salt, HASH_BYTES, options, (error, key) => {
      if (error) reject(error);
      else resolve(Uint8Array.from(key));
    });
  });
}

function bytesText(bytes: Uint8Array): string {
  return Uint8Array.from(bytes).toBase64();
}
