/** `llm-proxy token generate` */

import { writeAnswer } from "./output.ts";

const TOKEN_BYTES = 24;
const KEY_BYTES = 32;

/** Prints random bytes: as hexadecimal digits, or as a key in base64. */
export function generate({ key }: { key: boolean }): void {
  const value = key ? randomKey() : randomToken();
  writeAnswer({ value }, () => `${value}\n`);
}

/** A text for `PROXY_TOKEN` or `MANAGEMENT_TOKEN`: 24 random bytes in hexadecimal digits. */
export function randomToken(): string {
  return crypto.getRandomValues(new Uint8Array(TOKEN_BYTES)).toHex();
}

/** A key for `ENCRYPTION_KEY`: 32 random bytes in base64. */
export function randomKey(): string {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES)).toBase64();
}
