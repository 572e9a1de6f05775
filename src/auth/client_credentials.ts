import { ProxyFault } from "../faults.ts";
import {
  ALL_CREDENTIAL_PLACES,
  type CredentialPlace,
  PROXY_TOKEN_PLACES,
} from "../config/credential_places.ts";
import { findHiddenToken, type OutgoingHead } from "./hidden_token.ts";

/** The credentials of a client that upstreams must not see. */
export class ClientCredentials {
  readonly #tokenPlaces: ReadonlySet<CredentialPlace>;
  readonly #tokens: readonly string[];

  /**
   * `tokenPlaces` are the places that hold a token of the proxy. `tokens` are values that must not appear
   * anywhere in a request to a passthrough backend.
   */
  constructor(tokenPlaces: ReadonlySet<CredentialPlace>, tokens: readonly string[]) {
    this.#tokenPlaces = tokenPlaces;
    this.#tokens = tokens;
  }

  /**
   * Returns the places of credentials to strip from a request to a backend. A passthrough backend gets the
   * client's own key, so the proxy strips only the places with a token of the proxy and the headers for such
   * a token. Other backends get no credential of the client.
   */
  placesToStrip(isPassthrough: boolean): ReadonlySet<string> {
    return isPassthrough ? this.#tokenPlaces.union(PROXY_TOKEN_PLACES) : ALL_CREDENTIAL_PLACES;
  }

  /** Throws a `bad_request` fault if an upstream request still contains a token of the proxy. */
  checkStripped(head: OutgoingHead): void {
    const place = this.#tokens.length === 0 ? undefined : findHiddenToken(head, this.#tokens);
    if (place === undefined) return;
    throw new ProxyFault(
      "bad_request",
      `This proxy's token is in ${place}, which goes to the provider: send it in x-llm-proxy-token or ` +
        "Proxy-Authorization only.",
    );
  }
}
