import type { Backend } from "./config.ts";

/** Headers that carry a provider's key. */
const KEY_HEADERS: readonly string[] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/** Whether requests to a backend carry a credential of the proxy's, as its key or as a header that is set. */
export function injectsCredential(
  { key, keyField, headers }: Pick<Backend, "key" | "keyField" | "headers">,
): boolean {
  return key.mode === "inject" ||
    headers.some(([name]) => KEY_HEADERS.includes(name.toLowerCase()) || name.toLowerCase() === keyField);
}
