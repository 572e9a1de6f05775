/** The admin page at `/admin`: its files, its sessions, and the management API under `/admin/api`. */

import { Hono } from "hono";
import { deleteCookie, setCookie } from "hono/cookie";
import { parse } from "hono/utils/cookie";
import * as v from "valibot";
import type { Clock } from "../../time/clock.ts";
import type { BearerGate } from "../api/bearer_gate.ts";
import type { Caller } from "../api/caller.ts";
import type { ManageApi } from "../api/manage.ts";
import { Problem, problemOf, problemResponse } from "../api/problem.ts";
import { SESSION_COOKIE } from "../../http/session_cookie.ts";
import { type Assets, INDEX } from "./assets.ts";
import { manualAnswer } from "./manual_answer.ts";
import { checkSameOrigin } from "./same_origin.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";
import { Sessions } from "./sessions.ts";

/** The path of the admin page. */
export const ADMIN_PATH = "/admin";
/** The path of the management API for the page. */
export const ADMIN_API_PATH = "/admin/api";

/** The path of the manual. */
const DOCS_PATH = `${ADMIN_PATH}/docs`;

/** How often an open stream checks that its session is still valid. */
const SESSION_CHECK_MS = 15_000;
/** The page sets this header on its own polls if the user has been inactive for a while. */
const UNATTENDED = "x-llm-proxy-unattended";

/** What the admin page needs. */
export interface AdminParts {
  /**
   * The management API at {@link ADMIN_API_PATH}. It has no authentication itself: the session protects it.
   */
  readonly api: ManageApi;
  /** Checks the management token at sign-in. */
  readonly gate: BearerGate;
  readonly clock: Clock;
  readonly assets: Assets;
  /** The time without activity after which a session ends, in milliseconds. */
  readonly idleMs: () => number;
  /** Whether the cookie gets the `Secure` attribute, because browsers reach the page over HTTPS. */
  readonly isSecure: () => boolean;
  /** Called for an error that the program did not expect. */
  readonly onUnexpected: (error: unknown) => void;
  /** Called after a sign-in, with the address of the client. */
  readonly onSignedIn: (source: string) => Promise<void>;
  /** Called after a sign-out that ended a valid session, with the address of the client. */
  readonly onSignedOut: (source: string) => Promise<void>;
}

const signIn = v.strictObject({ token: v.pipe(v.string(), v.maxLength(1000)) });

/** The admin page as part of the request handling. */
export interface Admin {
  /** Responds to requests at `/admin` and below. */
  readonly answer: (request: Request, caller: Caller) => Promise<Response>;
  /** Throws a {@link Problem} unless the admin page sent the request, with a valid session. */
  readonly checkSession: (request: Request, caller: Caller) => void;
}

/** Makes the admin page with its sessions. */
export function createAdmin(
  { api, gate, clock, assets, idleMs, isSecure, onUnexpected, onSignedIn, onSignedOut }: AdminParts,
): Admin {
  const sessions = new Sessions(clock, idleMs);
  const app = new Hono<{ Bindings: Caller }>({ strict: false }).basePath(ADMIN_PATH);
  const cookieOptions = ({ headers }: Request) =>
    ({
      path: ADMIN_PATH,
      httpOnly: true,
      sameSite: "Strict",
      // The origin shows HTTPS too if a reverse proxy in front terminates TLS.
      secure: isSecure() || headers.get("origin")?.startsWith("https://") === true,
    }) as const;
  const isActivity = ({ headers }: Request) =>
    // An event stream reconnects without the user.
    !headers.has(UNATTENDED) && headers.get("accept") !== "text/event-stream";

  app.use("*", async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.res.headers.set(name, value);
    if (!context.res.headers.has("cache-control")) context.res.headers.set("cache-control", "no-store");
  });
  app.get("/", async (context) => await file(INDEX, context.req.raw));
  app.get("/assets/:name", async (context) => await file(context.req.param("name"), context.req.raw));

  app.use("/session", async (context, next) => {
    checkSameOrigin(context.req.raw, context.env);
    await next();
  });
  app.get("/session", (context) => {
    const id = sessionIdOf(context.req.raw);
    // A missing session is not an error: the page asks before it shows the sign-in.
    const isSignedIn = id !== undefined && sessions.isValid(id, { used: isActivity(context.req.raw) });
    return context.json({ signed_in: isSignedIn, idle_seconds: idleMs() / 1000 });
  });
  app.post("/session", async (context) => {
    const body = await context.req.json().catch(() => undefined);
    const { output, success } = v.safeParse(signIn, body);
    if (!success) throw new Problem(400, 'The body must be JSON: {"token": "…"}');
    gate.checkToken(output.token, context.env);
    const before = sessionIdOf(context.req.raw);
    if (before !== undefined) sessions.end(before);
    await onSignedIn(context.env.source);
    setCookie(context, cookieName(context.req.raw), sessions.begin(), cookieOptions(context.req.raw));
    return context.json({ signed_in: true, idle_seconds: idleMs() / 1000 });
  });
  app.delete("/session", async (context) => {
    const id = sessionIdOf(context.req.raw);
    // A sign-out without a valid session is allowed, and not logged.
    if (id !== undefined && sessions.end(id)) await onSignedOut(context.env.source);
    deleteCookie(context, cookieName(context.req.raw), cookieOptions(context.req.raw));
    return context.body(null, 204);
  });

  app.get("/docs/:name?", async (context) => {
    const { raw: request } = context.req;
    const id = sessionIdOf(request);
    // A user follows a link or a bookmark here, so the sign-in helps more than an error.
    if (id === undefined || !sessions.isValid(id, { used: true })) return context.redirect(ADMIN_PATH, 303);
    context.env.onVerified?.();
    const answer = await manualAnswer(context.req.param("name"), DOCS_PATH);
    if (answer === undefined) {
      throw new Problem(404, `The manual has no such page. Its pages are listed at ${DOCS_PATH}.`);
    }
    return answer;
  });

  // A backup costs time and makes an audit log entry. A link on another port must not trigger it: browsers
  // send an Origin with a form, and not with a link.
  app.get("/api/backup", (context) => {
    checkedSession(context.req.raw, context.env);
    throw new Problem(403, "The page requests a backup by POST. Programs use GET /manage/backup.");
  });
  app.post("/api/backup", async (context) => {
    const { raw: request } = context.req;
    checkedSession(request, context.env);
    return await api(new Request(request.url, { headers: request.headers }), context.env);
  });

  app.all("/api/*", async (context) => {
    const { raw: request } = context.req;
    const id = checkedSession(request, context.env);
    const response = await api(request, context.env);
    const isStream = response.headers.get("content-type") === "text/event-stream";
    return isStream && response.body !== null
      ? new Response(untilSessionEnds(response.body, id), response)
      : new Response(response.body, response);
  });
  app.notFound(() =>
    problemResponse(new Problem(404, `Nothing is served here. The admin page is at ${ADMIN_PATH}.`))
  );
  app.onError((error) => {
    const problem = problemOf(error);
    if (problem.status === 500) onUnexpected(error);
    return problemResponse(problem);
  });

  function checkedSession(request: Request, caller: Caller): string {
    checkSameOrigin(request, caller);
    const id = sessionIdOf(request);
    if (id !== undefined && sessions.isValid(id, { used: isActivity(request) })) {
      caller.onVerified?.();
      return id;
    }
    throw new Problem(
      401,
      "You are not signed in, or your session has ended after a time without activity: sign in again.",
    );
  }

  async function file(name: string, request: Request): Promise<Response> {
    const answer = await assets.answer(name, request.headers.get("accept-encoding") ?? "");
    if (answer !== undefined) return answer;
    throw new Problem(
      name === INDEX ? 503 : 404,
      name === INDEX
        ? "The admin page has not been built: run `deno task admin`."
        : "The file does not exist.",
    );
  }

  /** Ends a stream when its session ends, even if no event arrives. */
  function untilSessionEnds(body: ReadableStream<Uint8Array>, id: string): ReadableStream<Uint8Array> {
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

  return {
    answer: async (request, caller) => await app.fetch(request, caller),
    checkSession: (request, caller) => void checkedSession(request, caller),
  };
}

/** The session id in the cookie; undefined without a cookie. */
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
