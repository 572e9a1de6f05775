/** Asks for the management token, and slows down those who guess it. */

import { FailureGate } from "../auth/failure_gate.ts";
import { isEqual } from "../auth/shared_token.ts";
import { hashOf } from "../auth/token_value.ts";
import type { Clock } from "../clock.ts";
import { Problem } from "./problem.ts";

/** One for all places that take the token, or each would be a place to guess at. */
export class BearerGate {
  readonly #expected: Uint8Array;
  readonly #failures: FailureGate;
  readonly #onRefused: (source: string, waitMs: number) => void;

  /** `onRefused` is told of each wrong token, and how long its address has to wait now. */
  constructor(
    token: string,
    { clock, onRefused = () => {} }: { clock: Clock; onRefused?: (source: string, waitMs: number) => void },
  ) {
    this.#expected = hashOf(token);
    this.#failures = new FailureGate(clock);
    this.#onRefused = onRefused;
  }

  /** Throws a {@link Problem} unless an `Authorization` field bears the token. */
  check(authorization: string | undefined, source: string): void {
    // What is no proper one is a guess all the same.
    const [, presented = authorization ?? ""] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
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
    const waitMs = this.#failures.waitMs(source);
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / 1000);
      throw new Problem(
        429,
        `Too many wrong tokens came from your address: even the right one has to wait ${seconds} s.`,
        {
          headers: { "retry-after": String(seconds) },
        },
      );
    }
    const hash = hashOf(presented);
    if (isEqual(hash, this.#expected)) return true;
    // Who sends none has not guessed.
    if (presented !== "") {
      this.#failures.failed(source, hash.toBase64());
      this.#onRefused(source, this.#failures.waitMs(source));
    }
    return false;
  }
}
