/** Asks for the management token, and slows down those who guess it. */

import { isEqual } from "../auth/shared_token.ts";
import { hashOf } from "../auth/token_value.ts";
import type { Clock } from "../clock.ts";
import { FailureGate } from "./failure_gate.ts";
import { Problem } from "./problem.ts";

/** One for all places that take the token, or each would be a place to guess at. */
export class BearerGate {
  readonly #expected: Uint8Array;
  readonly #failures: FailureGate;

  constructor(token: string, clock: Clock) {
    this.#expected = hashOf(token);
    this.#failures = new FailureGate(clock);
  }

  /** Throws a {@link Problem} unless an `Authorization` field bears the token. */
  check(authorization: string | undefined, source: string): void {
    const [, presented = ""] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
    if (this.#isRight(presented, source)) return;
    throw new Problem(401, "This needs the management token: Authorization: Bearer <MANAGEMENT_TOKEN>.", {
      headers: { "www-authenticate": 'Bearer realm="llm-proxy management"' },
    });
  }

  /** Likewise of the token as somebody typed it. */
  checkToken(presented: string, source: string): void {
    if (!this.#isRight(presented, source)) throw new Problem(401, "That is not the management token.");
  }

  #isRight(presented: string, source: string): boolean {
    this.#failures.check(source);
    if (isEqual(hashOf(presented), this.#expected)) return true;
    this.#failures.failed(source);
    return false;
  }
}
