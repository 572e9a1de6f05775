/** `llm-proxy token generate`: prints a random token or key. */

import { writeResult } from "./output.ts";

const TOKEN_BYTES = 24;
const KEY_BYTES = 32;

/** Prints a random token, or with `key` a random encryption key. */
export function generate({ key }: { key: boolean }): void {
  const value = key ? randomKey() : randomToken();
  writeResult({ value }, () => `${value}\n`);
}

/** Returns a random `PROXY_TOKEN` or `MANAGEMENT_TOKEN`: 24 bytes in hexadecimal. */
export function randomToken(): string {
  return crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
}

/** Returns a random `ENCRYPTION_KEY`: 32 bytes in base64. */
export function randomKey(): string {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
}
