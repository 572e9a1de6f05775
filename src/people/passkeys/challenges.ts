/**
 * Challenges, which authenticators sign. A browser keeps its challenge in a sealed cookie, so any replica
 * with the same encryption key can check the response, and nothing is stored for strangers.
 */

import * as v from "valibot";
import type { Clock } from "../../time/clock.ts";
import type { Sealer } from "../oidc/pending.ts";
import type { PasskeyPlace } from "./passkey_places.ts";

/** How long a challenge works. */
export const CHALLENGE_MS = 300_000;

/** What a challenge is for: a signature at a sign-in or a confirmation, or a new passkey of a session. */
export type Purpose = { readonly kind: "use" } | { readonly kind: "add"; readonly sessionId: string };

/** A challenge with what the response must state besides. */
export interface Challenge extends PasskeyPlace {
  /** 256 random bits in base64url. */
  readonly challenge: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
}

const schema = v.strictObject({
  challenge: v.string(),
  origin: v.string(),
  rpId: v.string(),
  expiresAt: v.number(),
});

/** Makes challenges, and reads them when they come back. */
export class Challenges {
  readonly #sealer: Sealer;
  readonly #clock: Pick<Clock, "epochMs">;

  constructor({ sealer, clock }: { readonly sealer: Sealer; readonly clock: Pick<Clock, "epochMs"> }) {
    this.#sealer = sealer;
    this.#clock = clock;
  }

  /** Makes a challenge for a place, and the text for the cookie. */
  async make(
    purpose: Purpose,
    { origin, rpId }: PasskeyPlace,
  ): Promise<Challenge & { readonly sealed: string }> {
    const challenge = {
      challenge: base64url(crypto.getRandomValues(new Uint8Array(32))),
      origin,
      rpId,
      expiresAt: this.#clock.epochMs() + CHALLENGE_MS,
    };
    const sealed = await this.#sealer.seal(JSON.stringify(challenge), contextOf(purpose));
    return { ...challenge, sealed: base64url(sealed) };
  }

  /**
   * The challenge of a cookie. `undefined` if this proxy did not make it for this purpose, or if it has
   * expired. Whether it was used is in the database.
   */
  async open(sealed: string | undefined, purpose: Purpose): Promise<Challenge | undefined> {
    try {
      const bytes = Uint8Array.fromBase64(sealed ?? "", { alphabet: "base64url" });
      const text = await this.#sealer.open(bytes, contextOf(purpose));
      const { success, output } = v.safeParse(schema, JSON.parse(text ?? "null"));
      return success && this.#clock.epochMs() < output.expiresAt ? output : undefined;
    } catch (error) {
      if (error instanceof SyntaxError) return undefined;
      throw error;
    }
  }
}

function contextOf(purpose: Purpose): string {
  return purpose.kind === "use" ? "use a passkey" : `add a passkey in ${purpose.sessionId}`;
}

function base64url(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}
