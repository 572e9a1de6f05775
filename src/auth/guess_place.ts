/** Who may have put a credential into a request: what web pages can send is counted apart from what programs send. */

import type { CredentialPlace } from "./credential.ts";

/**
 * What wrong tokens are counted by, besides the address. Any web page can make a visitor's browser send a token in
 * the query (an image is enough), in the subprotocol of a WebSocket, or as the user and password of an address. A page
 * whose name was pointed at the proxy (DNS rebinding) can set every header, and so can a page that CORS allows. None
 * of these may make the visitor's own clients wait, which send their token in a header.
 *
 * - `header`: in a header, and no web page of another site can have set it
 * - `page`: in a header that a page of another site set, or as a user and password
 * - `foreign`: in a header, and the proxy was asked by a name that is not its own
 * - `query`, `subprotocol`: there, whoever asks
 */
export type GuessPlace = "header" | "page" | "foreign" | "query" | "subprotocol";

/** What is known of the sender of a request. */
export interface Sender {
  /** A browser says that a page of another site asks. */
  readonly isPage: boolean;
  /** The proxy was asked by a name that is its own. */
  readonly isOwnName: boolean;
  /** `Authorization` holds a user and a password, which every link can bring. */
  readonly isBasic: boolean;
}

/** What a wrong token in that place is counted by. The only function that decides it. */
export function guessPlace(place: CredentialPlace, { isPage, isOwnName, isBasic }: Sender): GuessPlace {
  if (place === "query" || place === "subprotocol") return place;
  if (!isOwnName) return "foreign";
  return isPage || place === "authorization" && isBasic ? "page" : "header";
}
