/** `llm-proxy token generate` */

import { writeAnswer } from "./output.ts";

const TOKEN_BYTES = 24;
const KEY_BYTES = 32;

/** Prints random bytes: as hexadecimal digits, or as a key in base64. */
export function generate({ key }: { key: boolean }): void {
  const bytes = crypto.getRandomValues(new Uint8Array(key ? KEY_BYTES : TOKEN_BYTES));
  const value = key ? bytes.toBase64() : bytes.toHex();
  writeAnswer({ value }, () => `${value}\n`);
}
