import type { Backend } from "./config.ts";

/** The headers that can carry a provider's key, in lower case. */
export const KEY_HEADERS = ["authorization", "x-api-key", "api-key", "x-goog-api-key"] as const;

/**
 * Whether the proxy injects a credential into requests to a backend: an `api_key`, or a key header in
 * `headers`.
 */
export function injectsCredential(
  { key, keyField, headers }: Pick<Backend, "key" | "keyField" | "headers">,
): boolean {
  return key.mode === "inject" ||
    headers.some(([name]) => isKeyHeader(name.toLowerCase()) || name.toLowerCase() === keyField);
}

/** Whether the header of a lower-case name can carry a provider's key. */
export function isKeyHeader(lowerName: string): boolean {
  return KEY_HEADERS.some((header) => header === lowerName);
}
