import type { GuessPlace } from "../../auth/guess_place.ts";
import type { Scheme } from "../../auth/page_origin.ts";

/** The client of a request to the management plane. */
export interface Caller {
  /** The IP address of the client, for the audit log and the count of wrong tokens. */
  readonly source: string;
  /** The scheme of the URL that the client used; `undefined` if the proxy does not know it. */
  readonly scheme?: Scheme | undefined;
  /** The counter for a wrong token of the request. */
  readonly guessPlace: GuessPlace;
  /**
   * Called after a successful check of the token or the session, and by nothing else. From then on the
   * connection counts as authenticated.
   */
  readonly onVerified?: (() => void) | undefined;
}
