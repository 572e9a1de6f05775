/** Where clients put their credential: each SDK has a place of its own for its key, and the proxy's token goes there. */

import type { Field } from "../http/fields.ts";

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

/** What a browser shows by itself, in a window or within a page. */
const SHOWN: ReadonlySet<string> = new Set(["document", "iframe", "frame", "object", "embed"]);

/**
 * Whether a browser asks in order to show the answer. Every page and every link can make it do so, with a token in
 * the address: such an address is no proof of who asks.
 */
export function isNavigation(fields: readonly Field[]): boolean {
  return fields.some(({ lower, value }) =>
    lower === "sec-fetch-mode" && value.toLowerCase() === "navigate" ||
    lower === "sec-fetch-dest" && SHOWN.has(value.toLowerCase())
  );
}

/**
 * Every credential a request presents, repeats included. `query` is the raw query without its `?`; it is not looked
 * at where a browser navigates.
 */
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
  if (query !== "" && !isNavigation(fields)) {
    for (const value of new URLSearchParams(query).getAll(KEY_PARAMETER)) add("query", value);
  }
  return credentials;
}

/** What has more words is nobody's credential. */
const MOST_WORDS = 8;

/**
 * The words within the places of credentials: behind any scheme, as a parameter, in a list, as user or
 * password. None of them admits anybody, but each can be a token of the proxy's.
 */
export function credentialWords(presented: readonly Credential[], fields: readonly Field[]): string[] {
  const places: readonly string[] = KEY_HEADERS;
  const values = [
    ...fields.filter(({ lower }) => places.includes(lower)).map(({ value }) => value),
    ...presented.map(({ value }) => value),
  ];
  return [...new Set(values.flatMap(wordsOf))];
}

function wordsOf(value: string): string[] {
  const words = value.split(/[\s,"']+/).filter((word) => word !== "").slice(0, MOST_WORDS);
  return words.flatMap((word) => [word, ...partsOf(word), ...partsOf(decodedBase64(word))]);
}

/** `name=value` and `user:password`. */
function partsOf(word: string): string[] {
  return word.split(/[:=;]+/, MOST_WORDS).filter((part) => part !== "" && part !== word);
}

const BASE64 = /^([A-Za-z0-9+/]+)={0,2}$/;

/** Empty where it is no base64 of visible text. */
function decodedBase64(word: string): string {
  const standard = word.replaceAll("-", "+").replaceAll("_", "/");
  // An exception costs more than all the rest.
  const [, digits] = BASE64.exec(standard) ?? [];
  if (digits === undefined || digits.length % 4 === 1) return "";
  try {
    const text = atob(standard);
    return /^[\x20-\x7e]+$/.test(text) ? `${text}:` : "";
  } catch {
    return "";
  }
}

/** The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, 11.1). */
function bearerToken(value: string): string | undefined {
  return /^bearer +(\S+)$/i.exec(value)?.[1];
}

function subprotocolKeys(value: string): string[] {
  return value.split(",").map((item) => item.trim()).filter((item) => item.startsWith(KEY_SUBPROTOCOL_PREFIX))
    .map((item) => item.slice(KEY_SUBPROTOCOL_PREFIX.length));
}
