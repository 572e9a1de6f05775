/** Checks the passphrases of people, and slows down clients that guess them. */

import { hashOf } from "../../auth/token_value.ts";
import { addressGroup } from "../../network/ip_ranges.ts";
import { hashPassphrase, isPassphrase } from "../../people/passphrase.ts";
import { loginOf, type Person } from "../../people/person.ts";
import type { PeopleStore } from "../../storage/people_store.ts";
import type { Caller } from "../api/caller.ts";
import type { GuessGate } from "../api/guess_gate.ts";
import { Problem } from "../api/problem.ts";

/** The most hashes that wait for their turn. One hash needs 128 MiB and a second. */
const MAX_WAITING = 16;
/** The most of them from one address. */
const MAX_OF_ADDRESS = 3;

/** What {@link PassphraseCheck} needs. */
export interface PassphraseCheckParts {
  readonly guesses: GuessGate;
  readonly store: Pick<PeopleStore, "findSignIn">;
}

/** Checks passphrases, one after the other. */
export class PassphraseCheck {
  readonly #parts: PassphraseCheckParts;
  /** The addresses of those who wait or are checked. */
  readonly #waiting: string[] = [];
  #last: Promise<unknown> = Promise.resolve();
  /** The number of wrong passphrases. */
  #wrong = 0;

  constructor(parts: PassphraseCheckParts) {
    this.#parts = parts;
  }

  /**
   * Finds the person with a login name and a passphrase. Throws the same {@link Problem}, after the same
   * time, for an unknown name, a wrong passphrase and a disabled person.
   */
  async check({ name, passphrase }: { name: string; passphrase: string }, caller: Caller): Promise<Person> {
    const { guesses, store } = this.#parts;
    const login = loginOf(name);
    const counted = { isGuess: true, name: login ?? "" };
    guesses.checkWait(caller, counted);
    return await this.#inTurn(caller.source, async () => {
      // Guesses before this one have been counted meanwhile.
      guesses.checkWait(caller, counted);
      const found = login === undefined ? undefined : await store.findSignIn(login);
      const isRight = await isPassphrase(passphrase, found?.passphrase);
      if (isRight && found?.person.disabled === false) {
        caller.onVerified?.();
        return found.person;
      }
      // A repeated passphrase counts too, because each check of one takes a second.
      const hash = hashOf(`${login} ${passphrase} ${++this.#wrong}`).toBase64();
      guesses.recordGuess(caller, { hash, attempt: "passphrase", name: login ?? "" });
      throw new Problem(401, "The name or the passphrase is wrong.");
    });
  }

  /** Hashes a new passphrase. */
  async hash(passphrase: string, caller: Caller): Promise<string> {
    return await this.#inTurn(caller.source, () => hashPassphrase(passphrase));
  }

  /** Runs work after the work before it. Throws a {@link Problem} if too much of it waits. */
  async #inTurn<Result>(source: string, work: () => Promise<Result>): Promise<Result> {
    const address = addressGroup(source);
    const waiting = this.#waiting;
    if (waiting.length >= MAX_WAITING || waiting.filter((one) => one === address).length >= MAX_OF_ADDRESS) {
      throw new Problem(429, "Too many people sign in at this moment: try again in a few seconds.", {
        headers: { "retry-after": "5" },
      });
    }
    waiting.push(address);
    const result = this.#last.then(work);
    this.#last = result.catch(() => {});
    try {
      return await result;
    } finally {
      waiting.splice(waiting.indexOf(address), 1);
    }
  }
}
