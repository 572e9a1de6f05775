/**
 * The routes of passkeys at the admin page, below `/admin/session`. Each ceremony has two requests: the first
 * one gets the options for the browser, with a cookie for the challenge, and the second one brings what the
 * authenticator made of them.
 */

import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import * as v from "valibot";
import { CHALLENGE_MS } from "../../people/passkeys/challenges.ts";
import type { Caller } from "../api/caller.ts";
import { name } from "../api/people_requests.ts";
import { Problem } from "../api/problem.ts";
import { checkFresh } from "../api/route.ts";
import { type AdminContext, bodyOf, type BrowserSessions, cookieName } from "./browser_sessions.ts";
import type { PasskeyEntry, PasskeyOwner, PasskeySignIn } from "./passkey_sign_in.ts";
import type { Sessions } from "./sessions.ts";

/** Authenticators send less. A certificate would be longer, and the proxy wants none. */
const bytes = v.pipe(v.string(), v.maxLength(8_000), v.regex(/^[\w-]+$/));
const credential = { id: bytes, rawId: bytes, type: v.literal("public-key") };
// Browsers also send what these objects leave out.
const clientExtensionResults = v.optional(v.object({}), {});
const useBody = v.object({
  passkey: v.object({
    ...credential,
    clientExtensionResults,
    response: v.object({
      clientDataJSON: bytes,
      authenticatorData: bytes,
      signature: bytes,
      userHandle: bytes,
    }),
  }),
});
const transport = v.picklist(["ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"]);
const additionBody = v.object({
  name,
  passkey: v.object({
    ...credential,
    clientExtensionResults,
    response: v.object({
      clientDataJSON: bytes,
      attestationObject: bytes,
      // A browser may know a way that this list does not have.
      transports: v.fallback(v.optional(v.array(transport), []), []),
    }),
  }),
});

/** What {@link PasskeyRoutes} needs. */
export interface PasskeyRoutesParts {
  readonly passkeys: PasskeySignIn;
  readonly sessions: Sessions;
  readonly browserSessions: BrowserSessions;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
}

/** Responds to the requests of passkeys. Methods throw a {@link Problem}. */
export class PasskeyRoutes {
  readonly #parts: PasskeyRoutesParts;

  constructor(parts: PasskeyRoutesParts) {
    this.#parts = parts;
  }

  /** Responds with the options for a sign-in or a confirmation. */
  async begin(context: AdminContext): Promise<Response> {
    return this.#begun(context, await this.#parts.passkeys.begin(context.req.raw));
  }

  /** Begins a session in place of an earlier one. */
  async signIn(context: AdminContext): Promise<Response> {
    return await this.#parts.browserSessions.signInWithPasskey(context, await this.#entryOf(context));
  }

  /** Records that the person of the session has proved again who they are. */
  async confirm(context: AdminContext): Promise<Response> {
    const { sessions, browserSessions } = this.#parts;
    const found = await browserSessions.sessionOf(context);
    const { person } = await this.#entryOf(context);
    if (person.id !== found.person?.id) {
      throw new Problem(
        403,
        "This passkey is of another person: confirm with one of yours, or sign in again.",
      );
    }
    await sessions.prove(found);
    return context.body(null, 204);
  }

  /** Responds with the options for a new passkey of the person of the session. */
  async beginAdding(context: AdminContext): Promise<Response> {
    const owner = await this.#ownerOf(context);
    return this.#begun(context, await this.#parts.passkeys.beginAdding(owner, context.req.raw));
  }

  /** Adds a passkey to the person of the session. */
  async add(context: AdminContext): Promise<Response> {
    await this.#ownerOf(context);
    const form = '{"name": "…", "passkey": {…}}, as the browser makes it';
    const { name, passkey } = await bodyOf(context, additionBody, form);
    // The session may have ended before the last byte of the body arrived.
    const owner = await this.#ownerOf(context);
    const sealed = this.#takeCookie(context);
    const added = await this.#parts.passkeys.add(passkey, {
      name,
      owner,
      sealed,
      source: context.env.source,
    });
    return context.json({ id: added.id }, 201);
  }

  async #entryOf(context: AdminContext): Promise<PasskeyEntry> {
    const { passkey } = await bodyOf(context, useBody, '{"passkey": {…}}, as the browser makes it');
    return await this.#parts.passkeys.check(passkey, {
      sealed: this.#takeCookie(context),
      caller: context.env,
    });
  }

  /** The person of the session, with a fresh proof: a passkey opens the account for as long as it exists. */
  async #ownerOf(context: AdminContext): Promise<PasskeyOwner> {
    const { person, id, actor } = await this.#parts.browserSessions.sessionOf(context);
    if (person === undefined) {
      throw new Problem(409, "Only people have passkeys. The management token signs in without one.");
    }
    // A passkey would let people in whom the provider does not let in any more.
    if (person.origin.kind === "provider") {
      throw new Problem(409, "You sign in with a provider: add a passkey there.");
    }
    checkFresh(actor, this.#parts.now());
    return { person, sessionId: id, actorName: actor.name };
  }

  #begun(context: AdminContext, { options, cookie }: { options: object; cookie: string }): Response {
    setCookie(context, cookieName(context.req.raw, "_passkey"), cookie, {
      ...this.#cookieOptions(context),
      maxAge: CHALLENGE_MS / 1000,
    });
    return context.json({ options });
  }

  /** The cookie of the challenge, which the browser forgets. */
  #takeCookie(context: AdminContext): string | undefined {
    const cookie = cookieName(context.req.raw, "_passkey");
    const sealed = getCookie(context, cookie);
    deleteCookie(context, cookie, this.#cookieOptions(context));
    return sealed;
  }

  #cookieOptions(context: Context<{ Bindings: Caller }>) {
    return this.#parts.browserSessions.cookieOptions(context.req.raw);
  }
}
