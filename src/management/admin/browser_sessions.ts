/** The sessions of browsers at the admin page: the cookie, the sign-in, and the check of each request. */

import type { Context } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import { parse, serialize } from "hono/utils/cookie";
import * as v from "valibot";
import { hashOf } from "../../auth/token_value.ts";
import { SESSION_COOKIE } from "../../http/session_cookie.ts";
import { MAX_PASSPHRASE, MIN_PASSPHRASE } from "../../people/passphrase_length.ts";
import type { Person } from "../../people/person.ts";
import type { PeopleStore } from "../../storage/people_store.ts";
import type { BearerGate } from "../api/bearer_gate.ts";
import type { Caller } from "../api/caller.ts";
import type { GuessGate } from "../api/guess_gate.ts";
import type { Identity } from "../api/identity.ts";
import { Problem } from "../api/problem.ts";
import type { PasskeyEntry, PasskeySignIn } from "./passkey_sign_in.ts";
import type { PassphraseCheck } from "./passphrase_check.ts";
import type { ProviderEntry, ProviderSignIn } from "./provider_sign_in.ts";
import { checkSameOrigin } from "./same_origin.ts";
import type { FoundSession, Place, Sessions, SessionStart } from "./sessions.ts";

/** The page sets this header on its own polls if the user has been inactive for a while. */
const UNATTENDED = "x-llm-proxy-unattended";
/** How people come in who have no provider. */
const BY_PASSPHRASE = "passphrase";
const BY_PASSKEY = "passkey";

const text = v.pipe(v.string(), v.maxLength(1000));
const signInBody = v.union([
  v.strictObject({ token: text }),
  v.strictObject({ name: text, passphrase: text }),
]);
const confirmBody = v.union([v.strictObject({ token: text }), v.strictObject({ passphrase: text })]);
const invitationBody = v.strictObject({
  invitation: text,
  passphrase: v.pipe(
    v.string(),
    v.minLength(MIN_PASSPHRASE, `The passphrase is shorter than ${MIN_PASSPHRASE} characters.`),
    v.maxLength(MAX_PASSPHRASE, `The passphrase is longer than ${MAX_PASSPHRASE} characters.`),
  ),
});

/** A request to the admin page in Hono, with its client. */
export type AdminContext = Context<{ Bindings: Caller }>;

/** What {@link BrowserSessions} needs. */
export interface BrowserSessionsParts {
  readonly sessions: Sessions;
  /** Checks the token of the configuration at sign-in. */
  readonly gate: BearerGate;
  readonly passphrases: PassphraseCheck;
  readonly guesses: GuessGate;
  readonly people: Pick<PeopleStore, "useInvitation" | "findInvited">;
  /** The providers with which people sign in; `undefined` without one. */
  readonly providers: Pick<ProviderSignIn, "shown" | "answer" | "logoutUrl"> | undefined;
  /** Tells whether the page can use passkeys at an address. */
  readonly passkeys: Pick<PasskeySignIn, "stateAt">;
  /** The path of the admin page, to which browsers send the cookie. */
  readonly path: string;
  /** The time without activity after which a session ends, in milliseconds. */
  readonly idleMs: () => number;
  /** The time, in milliseconds since 1970. */
  readonly now: () => number;
  /** Whether the cookie gets the `Secure` attribute, because browsers reach the page over HTTPS. */
  readonly isSecure: () => boolean;
  /** Called after a sign-in, with the address of the client and the name in the audit log. */
  readonly onSignedIn: (source: string, actor: string) => Promise<void>;
  /** Called after a sign-out that ended a valid session, like {@link onSignedIn}. */
  readonly onSignedOut: (source: string, actor: string) => Promise<void>;
}

/** Signs browsers in and out, and checks the session of their requests. */
export class BrowserSessions {
  readonly #parts: BrowserSessionsParts;

  constructor(parts: BrowserSessionsParts) {
    this.#parts = parts;
  }

  /** Responds with whether the browser has a session. */
  async show(context: AdminContext): Promise<Response> {
    // A missing session is not an error: the page asks before it shows the sign-in.
    const found = await this.#find(context.req.raw, context.env, isActivity(context.req.raw));
    return await this.#state(context, found && { person: found.person });
  }

  /**
   * Begins a session in place of an earlier one, by the token of the configuration or by a name and a
   * passphrase. Throws a {@link Problem} if they are wrong.
   */
  async signIn(context: AdminContext): Promise<Response> {
    const body = await bodyOf(context, signInBody, '{"token": "…"} or {"name": "…", "passphrase": "…"}');
    const { gate, passphrases } = this.#parts;
    if ("name" in body) {
      const person = await passphrases.check(body, context.env);
      return await this.#begin(context, { person, way: BY_PASSPHRASE });
    }
    gate.checkToken(body.token, context.env);
    return await this.#begin(context, { person: undefined, way: BY_PASSPHRASE });
  }

  /** Begins a session of a person whom a passkey has identified, in place of an earlier one. */
  async signInWithPasskey(context: AdminContext, entry: PasskeyEntry): Promise<Response> {
    return await this.#begin(context, { ...entry, way: BY_PASSKEY });
  }

  /** The session of a request of the page. Throws a {@link Problem} without a valid one. */
  async sessionOf({ req, env }: AdminContext): Promise<FoundSession> {
    return await this.#found(req.raw, env);
  }

  /**
   * Sets the passphrase of an invited person, and begins a session. Throws a {@link Problem} if the
   * invitation does not work.
   */
  async useInvitation(context: AdminContext): Promise<Response> {
    const { passphrases, people, guesses, now } = this.#parts;
    const { env } = context;
    const { invitation, passphrase } = await bodyOf(
      context,
      invitationBody,
      '{"invitation": "…", "passphrase": "…"}',
    );
    guesses.checkWait(env, { isGuess: true });
    const hash = hashOf(invitation);
    const invited = await people.findInvited(hash, now());
    const person = invited && await people.useInvitation(hash, await passphrases.hash(passphrase, env), {
      at: now(),
      actor: `${invited.login} (invitation)`,
      source: env.source,
      action: "person.passphrase",
      subjectId: invited.id,
      changes: {},
    });
    if (person === undefined) {
      guesses.recordGuess(env, { hash: hash.toBase64(), attempt: "invitation" });
      throw new Problem(401, "This invitation was used or has expired: ask for another one.");
    }
    env.onVerified?.();
    return await this.#begin(context, { person, way: BY_PASSPHRASE });
  }

  /** Records that the user of a session has proved again who they are. Throws a {@link Problem}. */
  async confirm(context: AdminContext): Promise<Response> {
    const { gate, passphrases, sessions } = this.#parts;
    const found = await this.#found(context.req.raw, context.env);
    const body = await bodyOf(context, confirmBody, '{"passphrase": "…"} or {"token": "…"}');
    const { person } = found;
    if (person?.origin.kind === "provider") {
      throw new Problem(409, "You sign in with a provider: sign in there again to confirm that it is you.");
    }
    if (person === undefined) {
      gate.checkToken("token" in body ? body.token : "", context.env);
    } else {
      const passphrase = "passphrase" in body ? body.passphrase : "";
      await passphrases.check({ name: person.login, passphrase }, context.env);
    }
    await sessions.prove(found);
    return context.body(null, 204);
  }

  /**
   * Begins the session of a person whom a provider has identified. Returns the value of `set-cookie`. The
   * browser comes from another site and sends no cookie of an earlier session, which therefore stays.
   */
  async beginFor(request: Request, caller: Caller, entry: ProviderEntry): Promise<string> {
    const { person, way, provenAt, isSecure } = entry;
    caller.onVerified?.();
    const value = await this.#newSession(request, caller, { person, way, provenAt });
    const options = this.cookieOptions(request);
    return serialize(cookieName(request), value, { ...options, secure: options.secure || isSecure });
  }

  /**
   * Ends the session. A sign-out without a valid session is allowed, and not logged. For a person of a
   * provider, the response has the URL where the session at the provider ends.
   */
  async signOut(context: AdminContext): Promise<Response> {
    const { raw: request } = context.req;
    const { sessions, onSignedOut, providers } = this.#parts;
    const value = cookieOf(request);
    const person = (await this.#find(request, context.env, false))?.person;
    const actor = value === undefined ? undefined : await sessions.end(value);
    if (actor !== undefined) await onSignedOut(context.env.source, actor.name);
    deleteCookie(context, cookieName(request), this.cookieOptions(request));
    const logoutUrl = person && await providers?.logoutUrl(person);
    return logoutUrl === undefined ? context.body(null, 204) : context.json({ logout_url: logoutUrl });
  }

  /** Whether a user with a valid session follows a link. This counts as activity. */
  async isVisit({ req, env }: AdminContext): Promise<boolean> {
    return await this.#find(req.raw, env, true) !== undefined;
  }

  /**
   * Returns who sends a request. Throws a {@link Problem} unless the page sent it, with a valid session.
   */
  async check(request: Request, caller: Caller): Promise<Identity> {
    const found = await this.#found(request, caller);
    return this.#parts.sessions.identityOf(found, cookieOf(request) ?? "");
  }

  async #found(request: Request, caller: Caller): Promise<FoundSession> {
    checkSameOrigin(request, caller);
    const found = await this.#find(request, caller, isActivity(request));
    if (found !== undefined) {
      caller.onVerified?.();
      return found;
    }
    throw new Problem(
      401,
      "You are not signed in, or your session has ended after a time without activity: sign in again.",
    );
  }

  async #begin(context: AdminContext, start: SessionStart): Promise<Response> {
    const { raw: request } = context.req;
    const value = await this.#newSession(request, context.env, start);
    setCookie(context, cookieName(request), value, this.cookieOptions(request));
    return await this.#state(context, start);
  }

  /** Begins a session in place of that of the cookie. Returns the value for the cookie. */
  async #newSession(request: Request, caller: Caller, entry: SessionStart): Promise<string> {
    const { sessions, onSignedIn } = this.#parts;
    const { person, way } = entry;
    const before = cookieOf(request);
    if (before !== undefined) await sessions.end(before);
    await onSignedIn(caller.source, person === undefined ? "admin page" : `${person.login} (${way})`);
    const value = await sessions.begin(entry, placeOf(request, caller));
    if (value !== undefined) return value;
    throw new Problem(401, "Your account was changed while you signed in: sign in again.");
  }

  async #state(
    context: AdminContext,
    session: { readonly person: Person | undefined } | undefined,
  ): Promise<Response> {
    const person = session?.person;
    const { providers } = this.#parts;
    const passkeys = await this.#parts.passkeys.stateAt(context.req.raw.headers.get("host"));
    return context.json({
      signed_in: session !== undefined,
      idle_seconds: this.#parts.idleMs() / 1000,
      ...(providers && { providers: providers.shown }),
      ...(passkeys && { passkeys }),
      ...(person && { person: { name: person.name, role: person.role } }),
    });
  }

  /** The session of the cookie; `undefined` without a cookie, and if the session has ended. */
  async #find(request: Request, caller: Caller, isUse: boolean): Promise<FoundSession | undefined> {
    const value = cookieOf(request);
    if (value === undefined) return undefined;
    return await this.#parts.sessions.find(value, isUse ? placeOf(request, caller) : undefined);
  }

  /** The options of the cookies of the session and of challenges. */
  cookieOptions({ headers }: Request) {
    return {
      path: this.#parts.path,
      httpOnly: true,
      sameSite: "Strict",
      // The origin shows HTTPS too if a reverse proxy in front terminates TLS.
      secure: this.#parts.isSecure() || headers.get("origin")?.startsWith("https://") === true,
    } as const;
  }
}

/** Whether the user caused a request. An event stream reconnects without the user. */
function isActivity({ headers }: Request): boolean {
  return !headers.has(UNATTENDED) && headers.get("accept") !== "text/event-stream";
}

/** The value of the session in the cookie; `undefined` without a cookie. */
function cookieOf(request: Request): string | undefined {
  const name = cookieName(request);
  return parse(request.headers.get("cookie") ?? "", name)[name];
}

/**
 * The name of the cookie of the session or of a challenge, with the port of the `Host`. Cookies are shared by
 * all ports of a host, so two proxies on one machine need different names.
 */
export function cookieName({ headers }: Request, kind: "" | "_passkey" = ""): string {
  const [, port = ""] = /:(\d+)$/.exec(headers.get("host") ?? "") ?? [];
  return `${SESSION_COOKIE}${kind}${port && `_${port}`}`;
}

function placeOf({ headers }: Request, { source }: Caller): Place {
  return { address: source, browser: headers.get("user-agent") ?? "" };
}

/** The body of a request. Throws a {@link Problem} with the first error of the schema, or with the form. */
export async function bodyOf<Schema extends v.GenericSchema>(
  context: AdminContext,
  schema: Schema,
  form: string,
): Promise<v.InferOutput<Schema>> {
  const body: unknown = await context.req.json().catch(() => undefined);
  const { output, success, issues } = v.safeParse(schema, body);
  if (success) return output;
  const tooShort = issues.find(({ type }) => type === "min_length" || type === "max_length");
  throw new Problem(400, tooShort?.message ?? `The body must be JSON: ${form}`);
}
