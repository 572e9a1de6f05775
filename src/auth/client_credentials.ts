import { ProxyFault } from "../faults.ts";
import { ALL_CREDENTIAL_PLACES } from "./authenticate.ts";
import { type CredentialPlace, KEY_PARAMETER, KEY_SUBPROTOCOL_PREFIX } from "./credential.ts";
import { findHiddenToken, type OutgoingHead } from "./hidden_token.ts";

/** The credentials that a client presented, as far as an upstream must not see them. */
export class ClientCredentials {
  /** The query parameter that can hold a credential. */
  readonly queryParameter = KEY_PARAMETER;
  /** A WebSocket subprotocol that begins with this prefix is a credential. */
  readonly subprotocolPrefix = KEY_SUBPROTOCOL_PREFIX;
  readonly #tokenPlaces: ReadonlySet<CredentialPlace>;
  readonly #tokens: readonly string[];

  /**
   * `tokenPlaces` are the places in which a token of the proxy was found. `tokens` are the values that must be nowhere
   * in a request that a passthrough backend gets.
   */
  constructor(tokenPlaces: ReadonlySet<CredentialPlace>, tokens: readonly string[]) {
    this.#tokenPlaces = tokenPlaces;
    this.#tokens = tokens;
  }

  /**
   * The places that are stripped from a request to a backend. A passthrough backend gets the client's own key, so only
   * the places of the proxy's tokens are stripped. Any other backend gets no credential of the client.
   */
  placesToStrip(isPassthrough: boolean): ReadonlySet<string> {
    return isPassthrough ? this.#tokenPlaces : ALL_CREDENTIAL_PLACES;
  }

  /** Throws `bad_request` where a token of the proxy is still in a head that an upstream is about to get. */
  checkStripped(head: OutgoingHead): void {
    const place = this.#tokens.length === 0 ? undefined : findHiddenToken(head, this.#tokens);
    if (place === undefined) return;
    throw new ProxyFault(
      "bad_request",
      `This proxy's token is in ${place}, which goes to the provider: send it in Proxy-Authorization alone.`,
    );
  }
}
