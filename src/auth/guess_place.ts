/** Where a wrong token was: tokens that web pages can send are counted separately from those of programs. */

import type { CredentialPlace } from "../config/credential_places.ts";

/**
 * The counter for a wrong token, besides the address. Any web page can make a visitor's browser send a token
 * in the query (an image is enough), in the subprotocol of a WebSocket, or as the user name and password of a
 * URL. A page whose name resolves to the proxy (DNS rebinding) can set every header, and so can a page that
 * CORS allows. None of these pages may make the visitor's own clients wait, which send their token in a
 * header.
 *
 * - `header`: the token was in a header that no web page of another site can set
 * - `page`: the token was in a header that a page of another site set, or in a user name and password
 * - `foreign`: the token was in a header, and the `Host` is not a name of the proxy
 * - `query`, `subprotocol`: the token was there, for each kind of sender
 */
export type GuessPlace = "header" | "page" | "foreign" | "query" | "subprotocol";

/** What the proxy knows of the sender of a request. */
export interface Sender {
  /** Whether a browser says that a page of another site sent the request. */
  readonly isPage: boolean;
  /** Whether the `Host` is one of the proxy's own names. */
  readonly isOwnName: boolean;
  /** Whether `Authorization` contains a user name and a password, which any link can set. */
  readonly isBasic: boolean;
}

/** The counter for a wrong token in a place. No other function decides this. */
export function guessPlace(place: CredentialPlace, { isPage, isOwnName, isBasic }: Sender): GuessPlace {
  if (place === "query" || place === "subprotocol") return place;
  if (!isOwnName) return "foreign";
  return isPage || place === "authorization" && isBasic ? "page" : "header";
}

/** The advice for a client that must wait because of wrong tokens in the place `foreign`. */
export const FOREIGN_NAME_HINT =
  "This request has a host name that the proxy does not know. Wrong tokens under such names count together. " +
  "Use the IP address of the proxy, or add the name to allowed_hosts (ALLOWED_HOSTS) if it belongs to the proxy.";
