/** The admin page: `/admin`, its sessions, and the management API once more under `/admin/api` for it. */

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

/** Where it is. */
export const ADMIN_PATH = "/admin";
/** Where it finds the management API. */
export const ADMIN_API_PATH = "/admin/api";

/** Where it shows the pages of the manual. */
const DOCS_PATH = `${ADMIN_PATH}/docs`;

/** A signed-in browser's streams are looked after as often. */
const LOOK_MS = 15_000;
/** The page says with it that nobody has touched it for a while: it only looks whether something is new. */
const UNATTENDED = "x-llm-proxy-unattended";

/** What the page works with. */
export interface AdminParts {
  /** The management API as it is mounted under {@link ADMIN_API_PATH}, open to whoever gets to it. */
  readonly api: ManageApi;
  readonly gate: BearerGate;
  readonly clock: Clock;
  readonly assets: Assets;
  /** A session that nobody uses for so long has ended. */
  readonly idleMs: () => number;
  /** Browsers may send the cookie over HTTPS only. */
  readonly isSecure: () => boolean;
  readonly onUnexpected: (error: unknown) => void;
  /** Somebody has signed in, from that address. */
  readonly onSignedIn: (source: string) => Promise<void>;
  /** Somebody has ended a session that lasted. */
  readonly onSignedOut: (source: string) => Promise<void>;
}

const signIn = v.strictObject({ token: v.pipe(v.string(), v.maxLength(1000)) });

/** The admin page, as requests meet it. */
export interface Admin {
  /** Answers requests to `/admin` and below. */
  readonly answer: (request: Request, caller: Caller) => Promise<Response>;
  /** Throws a {@link Problem} unless a request comes from the page itself, and somebody is signed in there. */
  readonly checkSession: (request: Request, caller: Caller) => void;
}

/** Makes the admin page. */
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
      // Also where the encryption ends at a proxy in front.
      secure: isSecure() || headers.get("origin")?.startsWith("https://") === true,
    }) as const;
  const isUsed = ({ headers }: Request) =>
    // What tells events connects anew by itself.
    !headers.has(UNATTENDED) && headers.get("accept") !== "text/event-stream";

  app.use("*", async (context, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) context.res.headers.set(name, value);
    if (!context.res.headers.has("cache-control")) context.res.headers.set("cache-control", "no-store");
  });
  app.get("/", async (context) => await file(INDEX, context.req.raw));
  app.get("/assets/:name", async (context) => await file(context.req.param("name"), context.req.raw));

  app.use("/session", async (context, next) => {
    checkSameOrigin(context.req.raw);
    await next();
  });
  app.get("/session", (context) => {
    const id = sessionIdOf(context.req.raw);
    // Not an error: the page asks before it knows.
    const isSignedIn = id !== undefined && sessions.lasts(id, { used: isUsed(context.req.raw) });
    return context.json({ signed_in: isSignedIn, idle_seconds: idleMs() / 1000 });
  });
  app.post("/session", async (context) => {
    const body = await context.req.json().catch(() => undefined);
    const { output, success } = v.safeParse(signIn, body);
    if (!success) throw new Problem(400, 'The body has to be JSON: {"token": "…"}');
    gate.checkToken(output.token, context.env);
    const before = sessionIdOf(context.req.raw);
    if (before !== undefined) sessions.end(before);
    await onSignedIn(context.env.source);
    setCookie(context, cookieName(context.req.raw), sessions.begin(), cookieOptions(context.req.raw));
    return context.json({ signed_in: true, idle_seconds: idleMs() / 1000 });
  });
  app.delete("/session", async (context) => {
    const id = sessionIdOf(context.req.raw);
    // Anybody may ask to end a session that there is not; only one that there was is an event.
    if (id !== undefined && sessions.end(id)) await onSignedOut(context.env.source);
    deleteCookie(context, cookieName(context.req.raw), cookieOptions(context.req.raw));
    return context.body(null, 204);
  });

  app.get("/docs/:name?", async (context) => {
    const { raw: request } = context.req;
    const id = sessionIdOf(request);
    // A link or a bookmark, not a script: the page to sign in at helps more than an error.
    if (id === undefined || !sessions.lasts(id, { used: true })) return context.redirect(ADMIN_PATH, 303);
    context.env.onVerified?.();
    const answer = await manualAnswer(context.req.param("name"), DOCS_PATH);
    if (answer === undefined) throw new Problem(404, `There is no such page; the pages are at ${DOCS_PATH}.`);
    return answer;
  });

  // It takes time and is an entry of the audit log, so that no link of another port may ask for it: browsers say where
  // a form comes from, and not where a link does.
  app.get("/api/backup", (context) => {
    checkedSession(context.req.raw, context.env);
    throw new Problem(403, "The page asks for a backup by POST. Programs use GET /manage/backup.");
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
      ? new Response(whileItLasts(response.body, id), response)
      : new Response(response.body, response);
  });
  app.notFound(() => problemResponse(new Problem(404, `Nothing is here; the page is at ${ADMIN_PATH}.`)));
  app.onError((error) => {
    const problem = problemOf(error);
    if (problem.status === 500) onUnexpected(error);
    return problemResponse(problem);
  });

  function checkedSession(request: Request, { onVerified }: Caller): string {
    checkSameOrigin(request);
    const id = sessionIdOf(request);
    if (id !== undefined && sessions.lasts(id, { used: isUsed(request) })) {
      onVerified?.();
      return id;
    }
    throw new Problem(401, "You are not signed in, or were not here for long: sign in again.");
  }

  async function file(name: string, request: Request): Promise<Response> {
    const answer = await assets.answer(name, request.headers.get("accept-encoding") ?? "");
    if (answer !== undefined) return answer;
    throw new Problem(
      name === INDEX ? 503 : 404,
      name === INDEX ? "The admin page is not here: run `deno task admin`." : "There is no such file.",
    );
  }

  /** What is told without end is told no longer than the session lasts, also where nothing happens. */
  function whileItLasts(body: ReadableStream<Uint8Array>, id: string): ReadableStream<Uint8Array> {
    let stop = (): void => {};
    return body.pipeThrough(
      new TransformStream({
        start(controller) {
          const look = (): void => {
            if (!sessions.lasts(id, { used: false })) return controller.terminate();
            stop = clock.after(LOOK_MS, look);
          };
          look();
        },
        transform(chunk, controller) {
          if (sessions.lasts(id, { used: false })) return controller.enqueue(chunk);
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

/** Undefined: the browser brings none. */
function sessionIdOf(request: Request): string | undefined {
  const name = cookieName(request);
  return parse(request.headers.get("cookie") ?? "", name)[name];
}

/** Cookies do not know ports: two proxies on one machine must not sign each other out. */
function cookieName({ headers }: Request): string {
  const [, port = ""] = /:(\d+)$/.exec(headers.get("host") ?? "") ?? [];
  return `${SESSION_COOKIE}${port && `_${port}`}`;
}
