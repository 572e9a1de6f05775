/** The sessions of browsers at the admin page: the cookie, the sign-in, and the check of each request. */

import type { Context } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import { parse } from "hono/utils/cookie";
import * as v from "valibot";
import { SESSION_COOKIE } from "../../http/session_cookie.ts";
import type { Clock } from "../../time/clock.ts";
import type { BearerGate } from "../api/bearer_gate.ts";
import type { Caller } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import { checkSameOrigin } from "./same_origin.ts";
import { Sessions } from "./sessions.ts";

/** How often an open stream checks that its session is still valid. */
const SESSION_CHECK_MS = 15_000;
/** The page sets this header on its own polls if the user has been inactive for a while. */
const UNATTENDED = "x-llm-proxy-unattended";

const signInBody = v.strictObject({ token: v.pipe(v.string(), v.maxLength(1000)) });

/** A request to the admin page in Hono, with its client. */
export type AdminContext = Context<{ Bindings: Caller }>;

/** What {@link BrowserSessions} needs. */
export interface BrowserSessionsParts {
  /** Checks the management token at sign-in. */
  readonly gate: BearerGate;
  readonly clock: Clock;
  /** The path of the admin page, to which browsers send the cookie. */
  readonly path: string;
  /** The time without activity after which a session ends, in milliseconds. */
  readonly idleMs: () => number;
  /** Whether the cookie gets the `Secure` attribute, because browsers reach the page over HTTPS. */
  readonly isSecure: () => boolean;
  /** Called after a sign-in, with the address of the client. */
  readonly onSignedIn: (source: string) => Promise<void>;
  /** Called after a sign-out that ended a valid session, with the address of the client. */
  readonly onSignedOut: (source: string) => Promise<void>;
}

/** Signs browsers in and out, and checks the session of their requests. */
export class BrowserSessions {
  readonly #parts: BrowserSessionsParts;
  readonly #sessions: Sessions;

  constructor(parts: BrowserSessionsParts) {
    this.#parts = parts;
    this.#sessions = new Sessions(parts.clock, parts.idleMs);
  }

  /** Responds with whether the browser has a session. */
  show(context: AdminContext): Response {
    const { raw: request } = context.req;
    // A missing session is not an error: the page asks before it shows the sign-in.
    return this.#state(context, { isSignedIn: this.#validId(request, isActivity(request)) !== undefined });
  }

  /** Begins a session in place of an earlier one. Throws a {@link Problem} for a wrong token. */
  async signIn(context: AdminContext): Promise<Response> {
    const { gate, onSignedIn } = this.#parts;
    const { raw: request } = context.req;
    const body = await context.req.json().catch(() => undefined);
    const { output, success } = v.safeParse(signInBody, body);
    if (!success) throw new Problem(400, 'The body must be JSON: {"token": "…"}');
    gate.checkToken(output.token, context.env);
    const before = sessionIdOf(request);
    if (before !== undefined) this.#sessions.end(before);
    await onSignedIn(context.env.source);
    setCookie(context, cookieName(request), this.#sessions.begin(), this.#cookieOptions(request));
    return this.#state(context, { isSignedIn: true });
  }

  /** Ends the session. A sign-out without a valid session is allowed, and not logged. */
  async signOut(context: AdminContext): Promise<Response> {
    const { raw: request } = context.req;
    const id = sessionIdOf(request);
    if (id !== undefined && this.#sessions.end(id)) await this.#parts.onSignedOut(context.env.source);
    deleteCookie(context, cookieName(request), this.#cookieOptions(request));
    return context.body(null, 204);
  }

  /** Whether a user with a valid session follows a link. This counts as activity. */
  isVisit(request: Request): boolean {
    return this.#validId(request, true) !== undefined;
  }

  /**
   * Returns the session id. Throws a {@link Problem} unless the page sent the request, with a valid session.
   */
  check(request: Request, caller: Caller): string {
    checkSameOrigin(request, caller);
    const id = this.#validId(request, isActivity(request));
    if (id !== undefined) {
      caller.onVerified?.();
      return id;
    }
    throw new Problem(
      401,
      "You are not signed in, or your session has ended after a time without activity: sign in again.",
    );
  }

  /** Ends a stream when its session ends, even if no event arrives. */
  untilEnd(body: ReadableStream<Uint8Array>, id: string): ReadableStream<Uint8Array> {
    const sessions = this.#sessions;
    const { clock } = this.#parts;
    let stop = (): void => {};
    return body.pipeThrough(
      new TransformStream({
        start(controller) {
          const check = (): void => {
            if (!sessions.isValid(id, { used: false })) return controller.terminate();
            stop = clock.after(SESSION_CHECK_MS, check);
          };
          check();
        },
        transform(chunk, controller) {
          if (sessions.isValid(id, { used: false })) return controller.enqueue(chunk);
          stop();
          controller.terminate();
        },
        flush: () => stop(),
        cancel: () => stop(),
      }),
    );
  }

  #state(context: AdminContext, { isSignedIn }: { isSignedIn: boolean }): Response {
    return context.json({ signed_in: isSignedIn, idle_seconds: this.#parts.idleMs() / 1000 });
  }

  /** The id in the cookie; `undefined` without a cookie, and if the session has ended. */
  #validId(request: Request, used: boolean): string | undefined {
    const id = sessionIdOf(request);
    return id !== undefined && this.#sessions.isValid(id, { used }) ? id : undefined;
  }

  #cookieOptions({ headers }: Request) {
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

/** The session id in the cookie; `undefined` without a cookie. */
function sessionIdOf(request: Request): string | undefined {
  const name = cookieName(request);
  return parse(request.headers.get("cookie") ?? "", name)[name];
}

/**
 * The name of the session cookie, with the port of the `Host`. Cookies are shared by all ports of a host, so
 * two proxies on one machine need different names.
 */
function cookieName({ headers }: Request): string {
  const [, port = ""] = /:(\d+)$/.exec(headers.get("host") ?? "") ?? [];
  return `${SESSION_COOKIE}${port && `_${port}`}`;
}
