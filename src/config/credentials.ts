import type { Backend } from "./config.ts";

/** Headers that carry the key of a provider, in lower case. */
const KEY_HEADERS: readonly string[] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/**
 * Whether the proxy injects a credential into requests to a backend: an `api_key`, or a key header in
 * `headers`.
 */
export function injectsCredential(
  { key, keyField, headers }: Pick<Backend, "key" | "keyField" | "headers">,
): boolean {
  return key.mode === "inject" ||
    headers.some(([name]) => KEY_HEADERS.includes(name.toLowerCase()) || name.toLowerCase() === keyField);
}
