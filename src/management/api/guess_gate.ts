/** Slows down clients that guess tokens and passphrases, for all ways into the management plane together. */

import { FailureGate } from "../../auth/failure_gate.ts";
import { FOREIGN_NAME_HINT } from "../../auth/guess_place.ts";
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

/** What {@link GuessGate} needs. */
export interface GuessGateParts {
  readonly clock: Clock;
  /**
   * Called for each wrong token or passphrase, and once for each wait in which an address sends another one.
   */
  readonly onRefused?: (refusal: Refusal) => void;
}

/** Counts wrong tokens and passphrases: by the address of the client, and by the name of the person. */
export class GuessGate {
  readonly #byAddress: FailureGate;
  readonly #byName: FailureGate;
  readonly #onRefused: (refusal: Refusal) => void;

  constructor({ clock, onRefused = () => {} }: GuessGateParts) {
    this.#byAddress = new FailureGate(clock);
    this.#byName = new FailureGate(clock);
    this.#onRefused = onRefused;
  }

  /**
   * Throws a {@link Problem} while the address, or the name of a person, must wait. `isGuess` is whether the
   * request presents something.
   */
  checkWait({ source, guessPlace }: Caller, { isGuess, name }: { isGuess: boolean; name?: string }): void {
    const waitMs = this.#byAddress.waitMs(source, guessPlace);
    if (waitMs > 0) {
      if (isGuess && this.#byAddress.isNewWait(source, guessPlace)) {
        this.#onRefused({ source, attempt: "rate_limited", waitMs });
      }
      throw tooMany("Your address sent too many wrong tokens", {
        waitMs,
        but: "with the right token too",
        hint: guessPlace === "foreign" ? ` ${FOREIGN_NAME_HINT}` : "",
      });
    }
    const nameMs = name === undefined ? 0 : this.#byName.waitMs(nameKey(name));
    if (nameMs === 0) return;
    throw tooMany("Too many wrong passphrases or codes were sent for this name", {
      waitMs: nameMs,
      but: "with the right one too",
    });
  }

  /** Counts a guess. `hash` is a hash of it, in base64, by which a repeated one is not a new guess. */
  recordGuess(
    { source, guessPlace }: Caller,
    { hash, attempt, name }: { hash: string; attempt: RefusedAttempt; name?: string },
  ): void {
    this.#byAddress.recordGuess(source, hash, guessPlace);
    if (name !== undefined) this.#byName.recordGuess(nameKey(name), hash);
    this.#onRefused({ source, attempt, waitMs: this.#byAddress.waitMs(source, guessPlace) });
  }
}

/** A name is no address, also if it looks like one. */
function nameKey(name: string): string {
  return `name ${name}`;
}

function tooMany(what: string, { waitMs, but, hint = "" }: { waitMs: number; but: string; hint?: string }) {
  const seconds = Math.ceil(waitMs / 1000);
  return new Problem(429, `${what}: wait ${seconds} s, ${but}.${hint}`, {
    headers: { "retry-after": String(seconds) },
  });
}
