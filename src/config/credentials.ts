import type { Backend } from "./config.ts";

/** The headers that can carry a provider's key, in lower case. */
export const KEY_HEADERS = ["authorization", "x-api-key", "api-key", "x-goog-api-key"] as const;

/** Whether requests to a backend carry a credential of the proxy's, as its key or as a header that is set. */
export function usesOwnCredential(
  { key, keyField, headers }: Pick<Backend, "key" | "keyField" | "headers">,
): boolean {
  return key.mode === "inject" ||
    headers.some(([name]) => isKeyHeader(name.toLowerCase()) || name.toLowerCase() === keyField);
}

/** Whether the header of a lower-case name can carry a provider's key. */
export function isKeyHeader(lowerName: string): boolean {
  return KEY_HEADERS.some((header) => header === lowerName);
}
