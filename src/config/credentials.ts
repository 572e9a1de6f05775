import type { Backend } from "./config.ts";
import { credentialHeader } from "./credential_places.ts";

/**
 * Whether the proxy injects a credential into requests to a backend: an `api_key`, or a credential
 * header in `headers`.
 */
export function injectsCredential(
  { key, keyField, headers }: Pick<Backend, "key" | "keyField" | "headers">,
): boolean {
  return key.mode === "inject" ||
    headers.some(([name]) =>
      credentialHeader(name.toLowerCase()) !== undefined || name.toLowerCase() === keyField
    );
}
