/** Reads the credentials of a request from the places that can hold one. */

import {
  credentialHeader,
  type CredentialPlace,
  KEY_PARAMETER,
  KEY_SUBPROTOCOL_PREFIX,
} from "../config/credential_places.ts";
import type { Field } from "../http/fields.ts";
import { valuesOfParameter } from "../http/query.ts";

/** A credential as the client sent it. */
export interface Credential {
  readonly place: CredentialPlace;
  readonly value: string;
}

/** The most credentials that a request may present. A client that sends more is guessing. */
export const MAX_PRESENTED = 16;
/** One credential more than allowed shows that there are too many. */
const MAX_FOUND = MAX_PRESENTED + 1;

/** Values of `sec-fetch-dest` for responses that a browser shows in a window or in a frame. */
const SHOWN: ReadonlySet<string> = new Set(["document", "iframe", "frame", "object", "embed"]);

/**
 * Whether a browser sent the request to show the response as a page. Any page or link can make a browser do
 * so, with a token in the URL. Such a token does not prove that its owner sent the request.
 */
export function isNavigation(fields: readonly Field[]): boolean {
  return fields.some(({ lower, value }) =>
    lower === "sec-fetch-mode" && value.toLowerCase() === "navigate" ||
    lower === "sec-fetch-dest" && SHOWN.has(value.toLowerCase())
  );
}

/**
 * The credentials of a request, repeated ones included: all of them, or {@link MAX_PRESENTED} and one more.
 * `query` is the raw query without its `?`. The query is ignored if a browser navigates.
 */
export function findCredentials(fields: readonly Field[], query: string): Credential[] {
  const credentials: Credential[] = [];
  for (const { lower, value } of fields) {
    if (credentials.length === MAX_FOUND) return credentials;
    const header = credentialHeader(lower);
    if (header !== undefined) {
      const credential = header.form === "bearer" ? bearerToken(value) : value;
      if (credential !== undefined && credential !== "") {
        credentials.push({ place: header.place, value: credential });
      }
    } else if (lower === "sec-websocket-protocol") {
      for (const key of subprotocolKeys(value)) {
        if (key !== "" && credentials.length < MAX_FOUND) {
          credentials.push({ place: "subprotocol", value: key });
        }
      }
    }
  }
  if (query !== "" && !isNavigation(fields)) {
    // Empty values count too, because a request has only so many places for a credential.
    for (const value of valuesOfParameter(query, KEY_PARAMETER, MAX_FOUND)) {
      if (value !== "" && credentials.length < MAX_FOUND) credentials.push({ place: "query", value });
    }
  }
  return credentials;
}

/** The most words that are read of one value. Credentials have fewer. */
const MAX_WORDS = 8;

/**
 * All words in the places of credentials: after any scheme, in a parameter, in a list, as a user name or a
 * password. The proxy does not accept them as credentials, but each word can be a token of the proxy, which
 * must not reach an upstream.
 */
export function credentialWords(presented: readonly Credential[], fields: readonly Field[]): string[] {
  const values = [
    ...fields.filter(({ lower }) => credentialHeader(lower) !== undefined).map(({ value }) => value),
    ...presented.map(({ value }) => value),
  ];
  return [...new Set(values.flatMap(wordsOf))];
}

function wordsOf(value: string): string[] {
  const words = value.split(/[\s,"']+/).filter((word) => word !== "").slice(0, MAX_WORDS);
  return words.flatMap((word) => [word, ...partsOf(word), ...partsOf(decodedBase64(word))]);
}

/** The parts of `name=value` and `user:password`. */
function partsOf(word: string): string[] {
  return word.split(/[:=;]+/, MAX_WORDS).filter((part) => part !== "" && part !== word);
}

const BASE64 = /^([A-Za-z0-9+/]+)={0,2}$/;

/** The text that a word of base64 encodes. Empty if the word does not encode visible ASCII. */
function decodedBase64(word: string): string {
  const standard = word.replaceAll("-", "+").replaceAll("_", "/");
  // The check avoids an exception, which costs more than the rest of the function.
  const [, digits] = BASE64.exec(standard) ?? [];
  if (digits === undefined || digits.length % 4 === 1) return "";
  try {
    const text = atob(standard);
    return /^[\x20-\x7e]+$/.test(text) ? `${text}:` : "";
  } catch {
    return "";
  }
}

/** The token of `Bearer <token>`. The scheme is case-insensitive (RFC 9110, 11.1). */
function bearerToken(value: string): string | undefined {
  return /^bearer +(\S+)$/i.exec(value)?.[1];
}

function subprotocolKeys(value: string): string[] {
  return value.split(",").map((item) => item.trim()).filter((item) => item.startsWith(KEY_SUBPROTOCOL_PREFIX))
    .map((item) => item.slice(KEY_SUBPROTOCOL_PREFIX.length));
}
