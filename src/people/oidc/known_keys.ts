/** The public keys of a provider between two sign-ins. */

import * as client from "openid-client";
import type { Clock } from "../../time/clock.ts";

/**
 * Keeps the keys that `openid-client` downloaded. The library reads them again after five minutes, and for an
 * unknown key if they are older than a minute.
 */
export class KnownKeys {
  readonly #clock: Pick<Clock, "now">;
  #known: { readonly jwks: client.JWKS; readonly readAt: number } | undefined;

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** Gives the keys to a new configuration, with their age. */
  lendTo(configuration: client.Configuration): void {
    if (this.#known === undefined) return;
    const { jwks, readAt } = this.#known;
    const ageS = Math.round((this.#clock.now() - readAt) / 1000);
    client.setJwksCache(configuration, { jwks, uat: epochS() - ageS });
  }

  /** Takes the keys of a configuration if they are newer. */
  takeFrom(configuration: client.Configuration): void {
    const found = client.getJwksCache(configuration);
    if (found === undefined) return;
    const readAt = this.#clock.now() - (epochS() - found.uat) * 1000;
    if (this.#known === undefined || readAt > this.#known.readAt) this.#known = { jwks: found.jwks, readAt };
  }
}

function epochS(): number {
  return Math.floor(Date.now() / 1000);
}
