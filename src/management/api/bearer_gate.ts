/** Requires the management token, and slows down clients that guess it. */

import { FailureGate } from "../../auth/failure_gate.ts";
import { FOREIGN_NAME_HINT } from "../../auth/guess_place.ts";
import { isEqual } from "../../auth/shared_token.ts";
import { hashOf } from "../../auth/token_value.ts";
import type { Clock } from "../../time/clock.ts";
import type { RefusedAttempt } from "./access_audit.ts";
import type { Caller } from "./caller.ts";
import { Problem } from "./problem.ts";

/** A rejected attempt to access the management plane. */
export interface Refusal {
  /** The IP address of the client, whose wrong tokens count together. */
  readonly source: string;
  /** Why the attempt was rejected. A wait is reported once, with its first attempt. */
  readonly attempt: RefusedAttempt;
  /** How long the address must wait now, in milliseconds. 0 if it need not wait. */
  readonly waitMs: number;
}

/** Checks the management token. All routes share one gate, so that they share the count of guesses. */
export class BearerGate {
  readonly #expected: Uint8Array;
  readonly #failures: FailureGate;
  readonly #onRefused: (refusal: Refusal) => void;

  /**
   * `onRefused` is called for each wrong token, and once for each wait in which an address sends another
   * token.
   */
  constructor(
    token: string,
    { clock, onRefused = () => {} }: { clock: Clock; onRefused?: (refusal: Refusal) => void },
  ) {
    this.#expected = hashOf(token);
    this.#failures = new FailureGate(clock);
    this.#onRefused = onRefused;
  }

  /** Throws a {@link Problem} unless an `Authorization` header holds the token. */
  check(authorization: string | undefined, caller: Caller): void {
    // A malformed header counts as a guess too.
    const [, presented = authorization ?? ""] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
    if (this.#isRight(presented, caller, "bearer")) return;
    throw new Problem(401, "Send the management token: Authorization: Bearer <MANAGEMENT_TOKEN>.", {
      headers: { "www-authenticate": 'Bearer realm="llm-proxy management"' },
    });
  }

  /** Throws a {@link Problem} unless a token from the sign-in form is right. */
  checkToken(presented: string, caller: Caller): void {
    if (this.#isRight(presented, caller, "sign_in")) return;
    throw new Problem(401, "This is not the management token.");
  }

  #isRight(presented: string, { source, guessPlace, onVerified }: Caller, attempt: RefusedAttempt): boolean {
    const waitMs = this.#failures.waitMs(source, guessPlace);
    if (waitMs > 0) {
      if (presented !== "" && this.#failures.isNewWait(source, guessPlace)) {
        this.#onRefused({ source, attempt: "rate_limited", waitMs });
      }
      const seconds = Math.ceil(waitMs / 1000);
      throw new Problem(
        429,
        `Your address sent too many wrong tokens: wait ${seconds} s, with the right token too.` +
          (guessPlace === "foreign" ? ` ${FOREIGN_NAME_HINT}` : ""),
        {
          headers: { "retry-after": String(seconds) },
        },
      );
    }
    const hash = hashOf(presented);
    if (isEqual(hash, this.#expected)) {
      onVerified?.();
      return true;
    }
    // A request without a token is not a guess.
    if (presented !== "") {
      this.#failures.recordGuess(source, hash.toBase64(), guessPlace);
      this.#onRefused({ source, attempt, waitMs: this.#failures.waitMs(source, guessPlace) });
    }
    return false;
  }
}
