/** Asks for the management token, and slows down those who guess it. */

import { FailureGate } from "../../auth/failure_gate.ts";
import { isEqual } from "../../auth/shared_token.ts";
import { hashOf } from "../../auth/token_value.ts";
import type { Clock } from "../../time/clock.ts";
import type { RefusedAttempt } from "./access_audit.ts";
import type { Caller } from "./caller.ts";
import { Problem } from "./problem.ts";

/** A refused attempt to come in. */
export interface Refusal {
  /** The address it came from. */
  readonly source: string;
  /** A wrong token, in a field or typed; or the first attempt while the address has to wait. */
  readonly attempt: RefusedAttempt;
  /** How long the address has to wait now; 0: not at all. */
  readonly waitMs: number;
}

/** One for all places that take the token, or each would be a place to guess at. */
export class BearerGate {
  readonly #expected: Uint8Array;
  readonly #failures: FailureGate;
  readonly #onRefused: (refusal: Refusal) => void;

  /** `onRefused` is called for each wrong token, and once for each wait in which an address goes on. */
  constructor(
    token: string,
    { clock, onRefused = () => {} }: { clock: Clock; onRefused?: (refusal: Refusal) => void },
  ) {
    this.#expected = hashOf(token);
    this.#failures = new FailureGate(clock);
    this.#onRefused = onRefused;
  }

  /** Throws a {@link Problem} unless an `Authorization` field bears the token. */
  check(authorization: string | undefined, caller: Caller): void {
    // What is no proper one is a guess all the same.
    const [, presented = authorization ?? ""] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
    if (this.#isRight(presented, caller, "bearer")) return;
    throw new Problem(401, "This needs the management token: Authorization: Bearer <MANAGEMENT_TOKEN>.", {
      headers: { "www-authenticate": 'Bearer realm="llm-proxy management"' },
    });
  }

  /** The same for the token as somebody typed it. */
  checkToken(presented: string, caller: Caller): void {
    if (this.#isRight(presented, caller, "sign_in")) return;
    throw new Problem(401, "That is not the management token.");
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
        `Too many wrong tokens came from your address: even the right one has to wait ${seconds} s.` +
          (guessPlace === "foreign" ? FOREIGN_NAME_HINT : ""),
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
    // Who sends none has not guessed.
    if (presented !== "") {
      this.#failures.failed(source, hash.toBase64(), guessPlace);
      this.#onRefused({ source, attempt, waitMs: this.#failures.waitMs(source, guessPlace) });
    }
    return false;
  }
}

const FOREIGN_NAME_HINT =
  " The proxy was asked by a name that others could point at it: ask by its address, " +
  "or add the name to allowed_hosts (ALLOWED_HOSTS) if it is the proxy's.";
