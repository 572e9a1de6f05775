/**
 * Requires a token for the management API: that of the configuration, or one of the database. A token for a
 * directory is one of the database too, and no other token may do what it does.
 */

import { isManagementTokenValue } from "../../auth/management_token_value.ts";
import { isEqual } from "../../auth/shared_token.ts";
import { hashOf } from "../../auth/token_value.ts";
import { type Actor, BOOTSTRAP } from "../../people/actor.ts";
import type { ManagementToken, ManagementTokenOf, ManagementTokenStore } from "../../storage/people_store.ts";
import { StoreError } from "../../storage/store.ts";
import type { Clock } from "../../time/clock.ts";
import type { Caller } from "./caller.ts";
import type { GuessGate } from "./guess_gate.ts";
import { type Identity, lasting } from "./identity.ts";
import { Problem } from "./problem.ts";

/** How often the last use of a token is written, in milliseconds. */
const USE_WRITTEN_MS = 60_000;

/** What {@link BearerGate} needs. */
export interface BearerGateParts {
  readonly clock: Clock;
  /** Shared with all other ways into the management plane, so that they share the count of guesses. */
  readonly guesses: GuessGate;
  readonly store: Pick<ManagementTokenStore, "findManagementToken" | "touchManagementToken">;
}

/** Checks the tokens for the management API. */
export class BearerGate {
  /** The hash of the token of the configuration; `undefined` if it has none. */
  readonly #bootstrap: Uint8Array | undefined;
  readonly #parts: BearerGateParts;

  /** `token` is the token of the configuration; `undefined` if it has none. */
  constructor(token: string | undefined, parts: BearerGateParts) {
    this.#bootstrap = token === undefined ? undefined : hashOf(token);
    this.#parts = parts;
  }

  /** Finds who sends an `Authorization` header. Throws a {@link Problem} unless it holds a token. */
  async check(authorization: string | undefined, caller: Caller): Promise<Identity> {
    const presented = presentedIn(authorization);
    this.#parts.guesses.checkWait(caller, { isGuess: presented !== "" });
    const hash = hashOf(presented);
    // The token of the configuration may be easy to guess, so nothing waits between the check of the count
    // and the count. Those of the database are random.
    if (this.#isBootstrap(hash)) {
      caller.onVerified?.();
      return lasting(BOOTSTRAP);
    }
    const found = await this.#verified(presented, hash, caller);
    if (found !== undefined) {
      const actor = actorOf(found);
      if (actor !== undefined) return { actor, again: () => this.#actorAgain(found.token.id) };
      throw new Problem(403, "This token is for a directory: it may use SCIM, and nothing else.");
    }
    return this.#refuse(presented, { hash, caller, hint: "<MANAGEMENT_TOKEN>" });
  }

  /**
   * Finds the token of a directory in an `Authorization` header. Throws a {@link Problem} for all other
   * tokens, also for those that may do everything: a directory must not have them.
   */
  async checkDirectory(authorization: string | undefined, caller: Caller): Promise<ManagementToken> {
    const presented = presentedIn(authorization);
    this.#parts.guesses.checkWait(caller, { isGuess: presented !== "" });
    const hash = hashOf(presented);
    if (this.#isBootstrap(hash)) throw notForDirectories();
    const token = (await this.#verified(presented, hash, caller))?.token;
    if (token === undefined) {
      return this.#refuse(presented, { hash, caller, hint: "<token with the role scim>" });
    }
    if (token.role !== "scim") throw notForDirectories();
    return token;
  }

  /** The valid token of the database with a value. */
  async #verified(
    presented: string,
    hash: Uint8Array,
    caller: Caller,
  ): Promise<ManagementTokenOf | undefined> {
    const found = isManagementTokenValue(presented) ? await this.#find({ hash }) : undefined;
    if (found === undefined) return undefined;
    this.#noteUse(found.token);
    caller.onVerified?.();
    return found;
  }

  /** Counts a wrong token, and throws a {@link Problem}. */
  #refuse(
    presented: string,
    { hash, caller, hint }: { hash: Uint8Array; caller: Caller; hint: string },
  ): never {
    // A request without a token is not a guess.
    if (presented !== "") {
      this.#parts.guesses.recordGuess(caller, { hash: hash.toBase64(), attempt: "bearer" });
    }
    throw new Problem(401, `Send the management token: Authorization: Bearer ${hint}.`, {
      headers: { "www-authenticate": 'Bearer realm="llm-proxy management"' },
    });
  }

  /** Throws a {@link Problem} unless a token from the sign-in form is that of the configuration. */
  checkToken(presented: string, caller: Caller): void {
    const { guesses } = this.#parts;
    guesses.checkWait(caller, { isGuess: presented !== "" });
    const hash = hashOf(presented);
    if (this.#isBootstrap(hash)) return caller.onVerified?.();
    if (presented !== "") guesses.recordGuess(caller, { hash: hash.toBase64(), attempt: "sign_in" });
    throw new Problem(401, "This is not the management token.");
  }

  #isBootstrap(hash: Uint8Array): boolean {
    return this.#bootstrap !== undefined && isEqual(hash, this.#bootstrap);
  }

  /** Finds a token that is valid now. That of a person is valid while the person is not disabled. */
  async #find(by: { hash: Uint8Array } | { id: string }): Promise<ManagementTokenOf | undefined> {
    const { store, clock } = this.#parts;
    const found = await store.findManagementToken(by);
    if (found === undefined) return undefined;
    const { token: { personId, revokedAt, expiresAt = Infinity, makerHasLeft }, person } = found;
    if (makerHasLeft || revokedAt !== undefined || expiresAt <= clock.epochMs()) return undefined;
    return personId !== undefined && person?.disabled !== false ? undefined : found;
  }

  async #actorAgain(id: string): Promise<Actor | undefined> {
    const found = await this.#find({ id });
    return found && actorOf(found);
  }

  /** Writes the use at most once a minute. A failing database does not reject the request. */
  #noteUse({ id, lastUsedAt = 0 }: ManagementToken): void {
    const { store, clock } = this.#parts;
    const now = clock.epochMs();
    if (now - lastUsedAt < USE_WRITTEN_MS) return;
    store.touchManagementToken(id, now).catch((error) => {
      if (!(error instanceof StoreError)) throw error;
    });
  }
}

/** The token in an `Authorization` header. A malformed header counts as a guess too. */
function presentedIn(authorization: string | undefined): string {
  const [, presented = authorization ?? ""] = /^bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
  return presented;
}

function notForDirectories(): Problem {
  return new Problem(403, "This token is not for a directory: create a management token with the role scim.");
}

/** The actor of a token; `undefined` for a token that may not use the API. */
function actorOf(
  { token: { id, name, role, projects, makerId }, person }: ManagementTokenOf,
): Actor | undefined {
  if (role === "scim") return undefined;
  if (person !== undefined) {
    return {
      kind: "person",
      id: person.id,
      role: person.role,
      projects: person.projects,
      name: `${person.login} (llm-proxy login on ${name})`,
      provenAt: undefined,
      sessionId: undefined,
    };
  }
  return {
    kind: "management token",
    id,
    role,
    projects,
    name: `${name} (management token)`,
    provenAt: undefined,
    sessionId: undefined,
    makerId,
  };
}
