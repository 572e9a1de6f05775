/** Sessions of the admin page, in the database: they hold over restarts, and for all replicas. */

import { createId } from "../api/create_id.ts";
import type { Identity } from "../api/identity.ts";
import { isEqual } from "../../auth/shared_token.ts";
import { hashOf } from "../../auth/token_value.ts";
import { type Actor, BOOTSTRAP } from "../../people/actor.ts";
import type { Person } from "../../people/person.ts";
import type { Session, SessionOf, SessionStore } from "../../storage/people_store.ts";
import { StoreError } from "../../storage/store.ts";
import { harmlessText } from "../../text/harmless_text.ts";
import type { Clock } from "../../time/clock.ts";

/** How often the last activity is written, in milliseconds. This process remembers it exactly meanwhile. */
const USE_WRITTEN_MS = 60_000;
/** The most sessions whose last activity this process remembers. */
const MAX_REMEMBERED = 10_000;
/** The longest name of a browser, in characters. */
const MAX_BROWSER = 200;

/** Where a request comes from: the address, and the browser as it names itself. */
export interface Place {
  readonly address: string;
  readonly browser: string;
}

/** A session that has not ended, and its actor. */
export interface FoundSession {
  readonly id: string;
  readonly actor: Actor;
  readonly person: Person | undefined;
  /** The last activity, in milliseconds since 1970. */
  readonly usedAt: number;
}

/** Who begins a session, and how. */
export interface SessionStart {
  /** `undefined` for the holder of the token of the configuration. */
  readonly person: Person | undefined;
  /** How the person came in: see `Session`. */
  readonly way: string;
  /** When the person proved who they are, in milliseconds since 1970; `undefined` for now. */
  readonly provenAt?: number;
  /** The passkey, with which the session ends; `undefined` without one. */
  readonly passkeyId?: string;
}

/** What {@link Sessions} needs. */
export interface SessionsParts {
  readonly store: Pick<
    SessionStore,
    "addSession" | "findSession" | "touchSession" | "proveSession" | "endSession"
  >;
  readonly clock: Clock;
  /** The allowed time without activity in milliseconds; it may change while the program runs. */
  readonly idleMs: () => number;
  /** The token of the configuration; `undefined` if it has none. Its sessions end with it. */
  readonly bootstrapToken: string | undefined;
}

/** Sessions of the admin page, which end after a time without activity. Methods throw a `StoreError`. */
export class Sessions {
  readonly #parts: SessionsParts;
  /** The last activity that this process saw, in milliseconds since 1970, by the id of the session. */
  readonly #usedAt = new Map<string, number>();
  /** What to call when this process ends a session, by its id. */
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  /**
   * Starts a session, and returns the value for its cookie: 256 random bits in base64url. Returns `undefined`
   * if the person has changed since they were checked.
   */
  async begin(
    { person, way, provenAt, passkeyId = "" }: SessionStart,
    { address, browser }: Place,
  ): Promise<string | undefined> {
    const { store, clock } = this.#parts;
    const value = crypto.getRandomValues(new Uint8Array(32)).toBase64({
      alphabet: "base64url",
      omitPadding: true,
    });
    const now = clock.epochMs();
    const session = {
      id: createId("ses"),
      hash: hashOf(value),
      personId: person?.id,
      credential: person === undefined ? this.#credential(value) : passkeyId,
      way,
      createdAt: now,
      usedAt: now,
      provenAt: Math.min(now, provenAt ?? now),
      address,
      browser: harmlessText(browser, MAX_BROWSER),
    };
    return await store.addSession(session, person) ? value : undefined;
  }

  /**
   * Finds a session that has not ended. `used` reports activity of the user in a place, which restarts the
   * idle time.
   */
  async find(value: string, used?: Place): Promise<FoundSession | undefined> {
    const { store, clock, idleMs } = this.#parts;
    const found = await store.findSession(hashOf(value));
    if (found === undefined || !this.#isAllowed(found, value)) return undefined;
    const { session, person } = found;
    const now = clock.epochMs();
    const usedAt = Math.max(session.usedAt, this.#usedAt.get(session.id) ?? 0);
    if (now - usedAt >= idleMs()) {
      this.#forget(session.id);
      return undefined;
    }
    if (used !== undefined) await this.#noteUse(session, used, now);
    return { id: session.id, actor: actorOf(found), person, usedAt: used === undefined ? usedAt : now };
  }

  /** The identity of a session, which learns when the session ends. */
  identityOf({ id, actor, usedAt }: FoundSession, value: string): Identity {
    const { clock, idleMs } = this.#parts;
    return {
      actor,
      isIdle: () => clock.epochMs() - Math.max(usedAt, this.#usedAt.get(id) ?? 0) >= idleMs(),
      again: async () => (await this.find(value))?.actor,
      onEnd: (ended) => {
        const listeners = this.#listeners.get(id) ?? new Set();
        this.#listeners.set(id, listeners.add(ended));
        return () => {
          listeners.delete(ended);
          if (listeners.size === 0) this.#listeners.delete(id);
        };
      },
    };
  }

  /** Records that the person has proved again who they are. */
  async prove({ id }: FoundSession): Promise<void> {
    await this.#parts.store.proveSession(id, this.#parts.clock.epochMs());
  }

  /** Ends a session. Returns its actor if it was still valid. */
  async end(value: string): Promise<Actor | undefined> {
    const found = await this.find(value);
    if (found === undefined) return undefined;
    await this.#parts.store.endSession(found.id, { at: this.#parts.clock.epochMs() });
    this.ended(found.id);
    return found.actor;
  }

  /** Ends the streams of a session that another route has ended. */
  ended(id: string): void {
    const listeners = [...this.#listeners.get(id) ?? []];
    this.#forget(id);
    for (const listener of listeners) listener();
  }

  /**
   * Whether the person of a session may still sign in. A session of the token of the configuration ends when
   * the configuration has another one or none.
   */
  #isAllowed({ session, person }: SessionOf, value: string): boolean {
    if (session.personId !== undefined) return person !== undefined && !person.disabled;
    const { bootstrapToken } = this.#parts;
    return bootstrapToken !== undefined &&
      isEqual(hashOf(session.credential), hashOf(this.#credential(value)));
  }

  /** What binds a session to the token. Without the value of the session it says nothing about the token. */
  #credential(value: string): string {
    return hashOf(`${value} ${this.#parts.bootstrapToken ?? ""}`).toHex();
  }

  async #noteUse(session: Session, { address, browser }: Place, now: number): Promise<void> {
    const { id } = session;
    this.#usedAt.delete(id);
    this.#usedAt.set(id, now);
    const [oldest] = this.#usedAt.keys();
    if (this.#usedAt.size > MAX_REMEMBERED && oldest !== undefined) this.#usedAt.delete(oldest);
    if (now - session.usedAt < USE_WRITTEN_MS) return;
    try {
      const shown = harmlessText(browser, MAX_BROWSER);
      await this.#parts.store.touchSession(id, { usedAt: now, address, browser: shown });
    } catch (error) {
      // A database that only reads is no reason to reject the request.
      if (!(error instanceof StoreError)) throw error;
    }
  }

  #forget(id: string): void {
    this.#usedAt.delete(id);
  }
}

function actorOf({ session, person }: SessionOf): Actor {
  const { id: sessionId, provenAt, way } = session;
  if (person === undefined) return { ...BOOTSTRAP, name: "admin page", provenAt, sessionId };
  const { id, login, role, projects } = person;
  return { kind: "person", id, role, projects, name: `${login} (${way})`, provenAt, sessionId };
}
