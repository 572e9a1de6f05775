/** Passkeys at the admin page: adding one, and signing in with one. */

import { hashOf } from "../../auth/token_value.ts";
import { type Challenge, Challenges, type Purpose } from "../../people/passkeys/challenges.ts";
import type { Passkey } from "../../people/passkeys/passkey.ts";
import type { PasskeyPlace } from "../../people/passkeys/passkey_places.ts";
import { type RequestOptions, requestOptions, userHandleOf } from "../../people/passkeys/request_options.ts";
import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "../../people/passkeys/webauthn.ts";
import type { Person } from "../../people/person.ts";
import { MAX_PASSKEYS } from "../../storage/passkey_store.ts";
import type { SecretBox } from "../../storage/secret_box.ts";
import { type Store, StoreError } from "../../storage/store.ts";
import type { Clock } from "../../time/clock.ts";
import { auditor } from "../api/audit_entry.ts";
import type { Caller } from "../api/caller.ts";
import { createId } from "../api/create_id.ts";
import type { GuessGate } from "../api/guess_gate.ts";
import { Problem } from "../api/problem.ts";

/** What {@link PasskeySignIn} needs. */
export interface PasskeySignInParts {
  readonly store: Pick<Store, "addPasskey" | "findPasskey" | "listPasskeys" | "touchPasskey" | "findPerson">;
  readonly box: SecretBox;
  readonly clock: Clock;
  readonly guesses: GuessGate;
  /** Where browsers can use passkeys. */
  readonly places: () => readonly PasskeyPlace[];
}

/** A person whom a passkey has identified. */
export interface PasskeyEntry {
  readonly person: Person;
  readonly passkeyId: string;
}

/** A session that adds a passkey. */
export interface PasskeyOwner {
  readonly person: Person;
  readonly sessionId: string;
  /** The name in the audit log. */
  readonly actorName: string;
}

/** Options for the browser, and the text of the cookie that brings the challenge back. */
interface Begun<Options> {
  readonly options: Options;
  readonly cookie: string;
}

const NOT_ACCEPTED =
  "This passkey was not accepted. The proxy may not know it any more, or your account may be " +
  "disabled: try again, or sign in another way.";
const TOO_LATE =
  "This passkey was not added: the request is not of this browser, was used, or took longer than " +
  "five minutes. Try again.";

/** Checks passkeys. The database blocks those whose counter goes back. */
export class PasskeySignIn {
  readonly #parts: PasskeySignInParts;
  readonly #challenges: Challenges;

  constructor(parts: PasskeySignInParts) {
    this.#parts = parts;
    this.#challenges = new Challenges({ sealer: parts.box, clock: parts.clock });
  }

  /**
   * Whether a browser can use passkeys at an address of the page, given by the `Host` header: `ready` if
   * people have some.
   */
  async stateAt(host: string | null): Promise<"ready" | "unused" | undefined> {
    const isPlace = this.#parts.places().some(({ origin }) => new URL(origin).host === host?.toLowerCase());
    if (!isPlace) return undefined;
    const first = { limit: 1, before: undefined, personId: undefined };
    try {
      return (await this.#parts.store.listPasskeys(first)).items.length > 0 ? "ready" : "unused";
    } catch (error) {
      // The form of the sign-in appears also while the database cannot be read.
      if (error instanceof StoreError) return "unused";
      throw error;
    }
  }

  /** Begins a sign-in or a confirmation. Throws a {@link Problem} at an address without passkeys. */
  async begin(request: Request): Promise<Begun<RequestOptions>> {
    const { sealed, ...challenge } = await this.#challenges.make({ kind: "use" }, this.#placeOf(request));
    return { options: requestOptions(challenge), cookie: sealed };
  }

  /**
   * Finds the person of a signature. Throws the same {@link Problem} for an unknown passkey, a wrong
   * signature and a disabled person. Each counts as a guess.
   */
  async check(
    response: AuthenticationResponseJSON,
    { sealed, caller }: { readonly sealed: string | undefined; readonly caller: Caller },
  ): Promise<PasskeyEntry> {
    const { guesses, store } = this.#parts;
    guesses.checkWait(caller, { isGuess: true });
    const challenge = await this.#challenges.open(sealed, { kind: "use" });
    const passkey = await store.findPasskey({ credentialId: response.id });
    const person = passkey && await store.findPerson(passkey.personId);
    const mayUse = person?.disabled === false && person.origin.kind === "local";
    if (challenge !== undefined && passkey !== undefined && mayUse) {
      if (await this.#isSigned(response, { challenge, passkey, person, caller })) {
        caller.onVerified?.();
        return { person, passkeyId: passkey.id };
      }
    }
    const hash = hashOf(`${response.id} ${response.response.signature}`).toBase64();
    guesses.recordGuess(caller, { hash, attempt: "passkey" });
    throw new Problem(401, NOT_ACCEPTED);
  }

  /** Begins to add a passkey. Throws a {@link Problem} at an address without passkeys. */
  async beginAdding({ person, sessionId }: PasskeyOwner, request: Request): Promise<Begun<object>> {
    const place = this.#placeOf(request);
    const { sealed, ...challenge } = await this.#challenges.make(addingIn(sessionId), place);
    const known = await this.#passkeysOf(person.id);
    if (known.length >= MAX_PASSKEYS) throw tooMany();
    const { creationOptions } = await webauthn();
    const here = known.filter(({ rpId }) => rpId === place.rpId);
    return { options: await creationOptions(person, challenge, here), cookie: sealed };
  }

  /** Adds a passkey. Throws a {@link Problem} if the browser did not make it for this session. */
  async add(
    response: RegistrationResponseJSON,
    { name, owner, sealed, source }: {
      readonly name: string;
      readonly owner: PasskeyOwner;
      readonly sealed: string | undefined;
      /** The address of the client. */
      readonly source: string;
    },
  ): Promise<Passkey> {
    const { store, clock } = this.#parts;
    const challenge = await this.#challenges.open(sealed, addingIn(owner.sessionId));
    const credential = challenge && await (await webauthn()).checkCreation(response, challenge);
    if (challenge === undefined || credential === undefined) throw new Problem(400, TOO_LATE);
    const passkey: Passkey = {
      ...credential,
      id: createId("pky"),
      personId: owner.person.id,
      rpId: challenge.rpId,
      name,
      createdAt: clock.epochMs(),
      lastUsedAt: undefined,
      blockedAt: undefined,
    };
    const audited = auditor({ clock, actor: { name: owner.actorName } });
    const audit = audited(source, "passkey.add", passkey.id, { name, person: owner.person.login });
    const outcome = await store.addPasskey(passkey, { ...challenge, sessionId: owner.sessionId }, audit);
    switch (outcome) {
      case "done":
        return passkey;
      case "ended":
        throw new Problem(401, "Your session has ended: sign in again.");
      case "replayed":
        throw new Problem(400, TOO_LATE);
      case "taken":
        throw new Problem(409, "This passkey was added already.");
      case "too many":
        throw tooMany();
      default:
        return outcome satisfies never;
    }
  }

  async #isSigned(
    response: AuthenticationResponseJSON,
    { challenge, passkey, person, caller }: {
      readonly challenge: Challenge;
      readonly passkey: Passkey;
      readonly person: Person;
      readonly caller: Caller;
    },
  ): Promise<boolean> {
    const { store, clock } = this.#parts;
    const handle = userHandleOf(person.id).toBase64({ alphabet: "base64url", omitPadding: true });
    if (response.response.userHandle !== handle || passkey.rpId !== challenge.rpId) return false;
    const use = await (await webauthn()).checkUse(response, passkey, challenge);
    if (use === undefined) return false;
    const audited = auditor({ clock, actor: { name: `${person.login} (passkey)` } });
    const outcome = await store.touchPasskey(
      passkey.id,
      { ...use, at: clock.epochMs(), challenge },
      audited(caller.source, "passkey.block", passkey.id, {
        name: passkey.name,
        counter: use.counter,
        last_counter: passkey.counter,
      }),
    );
    if (outcome !== "blocked") return outcome === "done";
    throw new Problem(
      401,
      "This passkey is blocked, because there may be a copy of it: sign in another way, remove it, and add " +
        "another one.",
    );
  }

  async #passkeysOf(personId: string): Promise<readonly Passkey[]> {
    const page = { limit: MAX_PASSKEYS, before: undefined, personId };
    return (await this.#parts.store.listPasskeys(page)).items;
  }

  /** The place of a request of the page, which was checked to come from its own origin. */
  #placeOf({ headers }: Request): PasskeyPlace {
    const place = this.#parts.places().find(({ origin }) => origin === headers.get("origin"));
    if (place !== undefined) return place;
    throw new Problem(
      409,
      "Browsers allow passkeys only over HTTPS with a host name, or at localhost. Open the page at the address " +
        "that public_url in [management] names.",
    );
  }
}

function addingIn(sessionId: string): Purpose {
  return { kind: "add", sessionId };
}

function tooMany(): Problem {
  return new Problem(409, `You have ${MAX_PASSKEYS} passkeys, which is the most: remove one first.`);
}

/** The start of the program does not need the library, which takes 100 ms and 25 MB. */
function webauthn() {
  return import("../../people/passkeys/webauthn.ts");
}
