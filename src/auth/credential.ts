/** Where clients put their credential: each SDK has a place of its own for its key, and the proxy's token goes there. */

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

/** Every credential a request presents. `query` is the raw query without its `?`. */
export function findCredentials(headers: Headers, query: string): Credential[] {
  const credentials: Credential[] = [];
  const add = (place: CredentialPlace, value: string | null | undefined) => {
    if (value) credentials.push({ place, value });
  };
  add("authorization", bearerToken(headers.get("authorization")));
  add("x-api-key", headers.get("x-api-key")?.trim());
  add("api-key", headers.get("api-key")?.trim());
  add("x-goog-api-key", headers.get("x-goog-api-key")?.trim());
  add("proxy-authorization", bearerToken(headers.get("proxy-authorization")));
  for (const value of subprotocolKeys(headers.get("sec-websocket-protocol"))) add("subprotocol", value);
  if (query !== "") {
    for (const value of new URLSearchParams(query).getAll(KEY_PARAMETER)) add("query", value);
  }
  return credentials;
}

/** The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, 11.1). */
function bearerToken(value: string | null): string | undefined {
  return value === null ? undefined : /^\s*bearer +(\S+)\s*$/i.exec(value)?.[1];
}

function subprotocolKeys(value: string | null): string[] {
  if (value === null) return [];
  return value.split(",").map((item) => item.trim()).filter((item) => item.startsWith(KEY_SUBPROTOCOL_PREFIX))
    .map((item) => item.slice(KEY_SUBPROTOCOL_PREFIX.length));
}
