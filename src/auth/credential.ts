/** Where clients put their credential: each SDK has a place of its own for its key, and the proxy's token goes there. */

import type { Field } from "../http1/fields.ts";

/** A place in a request that can hold a credential. Header names stand for themselves. */
export type CredentialPlace =
  | "authorization"
  | "x-api-key"
  | "api-key"
  | "x-goog-api-key"
  | "proxy-authorization"
  | "query"
  | "subprotocol";

/** A credential as the client presented it. */
export interface Credential {
  readonly place: CredentialPlace;
  readonly value: string;
}

/** The headers in which a provider's key can stand. */
export const KEY_HEADERS = ["authorization", "x-api-key", "api-key", "x-goog-api-key"] as const;
/** The query parameter in which Gemini's clients put their key. */
export const KEY_PARAMETER = "key";
/** Browsers cannot set headers on a WebSocket: OpenAI's client puts the key behind this prefix. */
export const KEY_SUBPROTOCOL_PREFIX = "openai-insecure-api-key.";

/** Every credential a request presents, repeats included. `query` is the raw query without its `?`. */
export function findCredentials(fields: readonly Field[], query: string): Credential[] {
  const credentials: Credential[] = [];
  const add = (place: CredentialPlace, value: string | undefined) => {
    if (value) credentials.push({ place, value });
  };
  for (const { lower, value } of fields) {
    switch (lower) {
      case "authorization":
      case "proxy-authorization":
        add(lower, bearerToken(value));
        break;
      case "x-api-key":
      case "api-key":
      case "x-goog-api-key":
        add(lower, value);
        break;
      case "sec-websocket-protocol":
        for (const key of subprotocolKeys(value)) add("subprotocol", key);
        break;
    }
  }
  if (query !== "") {
    for (const value of new URLSearchParams(query).getAll(KEY_PARAMETER)) add("query", value);
  }
  return credentials;
}

/** The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, 11.1). */
function bearerToken(value: string): string | undefined {
  return /^bearer +(\S+)$/i.exec(value)?.[1];
}

function subprotocolKeys(value: string): string[] {
  return value.split(",").map((item) => item.trim()).filter((item) => item.startsWith(KEY_SUBPROTOCOL_PREFIX))
    .map((item) => item.slice(KEY_SUBPROTOCOL_PREFIX.length));
}
