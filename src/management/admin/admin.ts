/** The admin page at `/admin`: its files, its sessions, and the management API under `/admin/api`. */

import { Hono, type Next } from "hono";
import type { Caller } from "../api/caller.ts";
import type { ManageApi } from "../api/manage.ts";
import { Problem, problemHandler, problemResponse } from "../api/problem.ts";
import { type Assets, INDEX } from "./assets.ts";
import { type AdminContext, BrowserSessions, type BrowserSessionsParts } from "./browser_sessions.ts";
import { manualReply } from "./manual_reply.ts";
import { PasskeyRoutes, type PasskeyRoutesParts } from "./passkey_routes.ts";
import { checkSameOrigin } from "./same_origin.ts";
import { SECURITY_HEADERS } from "./security_headers.ts";

/** The path of the admin page. */
export const ADMIN_PATH = "/admin";
/** The path of the management API for the page. */
export const ADMIN_API_PATH = "/admin/api";

/** The path of the manual. */
const DOCS_PATH = `${ADMIN_PATH}/docs`;

/** What the admin page needs. */
export interface AdminParts
  extends Omit<BrowserSessionsParts, "path" | "passkeys">, Omit<PasskeyRoutesParts, "browserSessions"> {
  /**
   * The management API at {@link ADMIN_API_PATH}. It has no authentication itself: the session protects it.
   */
  readonly api: ManageApi;
  readonly assets: Assets;
  /** Called for an error that the program did not expect. */
  readonly onUnexpected: (error: unknown) => void;
}

/** The admin page as part of the request handling. */
export interface Admin {
  /** Responds to requests at `/admin` and below. */
  readonly answer: (request: Request, caller: Caller) => Promise<Response>;
  /** Throws a {@link Problem} unless the admin page sent the request, with a valid session. */
  readonly checkSession: (request: Request, caller: Caller) => Promise<void>;
}

/** Makes the admin page with its sessions. */
export function createAdmin(parts: AdminParts): Admin {
  const { api, assets } = parts;
  const sessions = new BrowserSessions({ ...parts, path: ADMIN_PATH });
  const passkeys = new PasskeyRoutes({ ...parts, browserSessions: sessions });
  const app = new Hono<{ Bindings: Caller }>({ strict: false }).basePath(ADMIN_PATH);
  app.use("*", addSecurityHeaders);
  app.get("/", ({ req }) => sendFile(INDEX, req.raw, assets));
  app.get("/assets/:name", ({ req }) => sendFile(req.param("name"), req.raw, assets));
  app.use("/session/*", checkOrigin);
  app.get("/session", (context) => sessions.show(context));
  app.post("/session", (context) => sessions.signIn(context));
  app.delete("/session", (context) => sessions.signOut(context));
  app.post("/session/confirm", (context) => sessions.confirm(context));
  app.post("/session/invitation", (context) => sessions.useInvitation(context));
  app.post("/session/passkey", (context) => passkeys.signIn(context));
  app.post("/session/passkey/begin", (context) => passkeys.begin(context));
  app.post("/session/passkey/confirm", (context) => passkeys.confirm(context));
  app.post("/session/passkeys", (context) => passkeys.add(context));
  app.post("/session/passkeys/begin", (context) => passkeys.beginAdding(context));
  app.all("/sign-in/*", ({ req, env }) => signInWithProvider(req.raw, env, { parts, sessions }));
  app.get("/docs/:name?", (context) => sendManual(context, context.req.param("name"), sessions));
  app.get("/api/backup", (context) => rejectBackupLink(context, sessions));
  app.post("/api/backup", (context) => sendBackup(context, { api, sessions }));
  app.all("/api/*", (context) => answerApi(context, { api, sessions }));
  app.notFound(() =>
    problemResponse(new Problem(404, `Nothing is served here. The admin page is at ${ADMIN_PATH}.`))
  );
  app.onError(problemHandler(parts.onUnexpected));
  return {
    answer: async (request, caller) => await app.fetch(request, caller),
    checkSession: async (request, caller) => void await sessions.check(request, caller),
  };
}

async function addSecurityHeaders(context: AdminContext, next: Next): Promise<void> {
  await next();
  const { headers } = context.res;
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) {
    // The pages of a sign-in with a provider allow even less.
    if (!headers.has(name)) headers.set(name, value);
  }
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
}

async function checkOrigin({ req, env }: AdminContext, next: Next): Promise<void> {
  checkSameOrigin(req.raw, env);
  await next();
}

/** A provider sends the browser to these routes, so they are open to everyone and need no session. */
async function signInWithProvider(
  request: Request,
  caller: Caller,
  { parts, sessions }: { readonly parts: AdminParts; readonly sessions: BrowserSessions },
): Promise<Response> {
  if (parts.providers === undefined) {
    throw new Problem(404, "No provider is configured for the sign-in: see [[management.sign_in]].");
  }
  return await parts.providers.answer(request, {
    source: caller.source,
    begin: (entry) => sessions.beginFor(request, caller, entry),
  });
}

async function sendFile(name: string, { headers }: Request, assets: Assets): Promise<Response> {
  const answer = await assets.answer(name, headers.get("accept-encoding") ?? "");
  if (answer !== undefined) return answer;
  throw name === INDEX
    ? new Problem(503, "The admin page has not been built: run `deno task admin`.")
    : new Problem(404, "The file does not exist.");
}

/** Sends a page of the manual, or the list of pages without a name. */
async function sendManual(
  context: AdminContext,
  name: string | undefined,
  sessions: BrowserSessions,
): Promise<Response> {
  // A user follows a link or a bookmark here, so the sign-in helps more than an error.
  if (!await sessions.isVisit(context)) return context.redirect(ADMIN_PATH, 303);
  context.env.onVerified?.();
  const answer = await manualReply(name, DOCS_PATH);
  if (answer !== undefined) return answer;
  throw new Problem(404, `The manual has no such page. Its pages are listed at ${DOCS_PATH}.`);
}

/**
 * A backup costs time and makes an audit log entry. A link on another port must not trigger it: browsers send
 * an Origin with a form, and not with a link.
 */
async function rejectBackupLink({ req, env }: AdminContext, sessions: BrowserSessions): Promise<never> {
  await sessions.check(req.raw, env);
  throw new Problem(403, "The page requests a backup by POST. Programs use GET /manage/backup.");
}

/** The API behind the page, and the sessions that protect it. */
interface ProtectedApi {
  readonly api: ManageApi;
  readonly sessions: BrowserSessions;
}

async function sendBackup({ req, env }: AdminContext, { api, sessions }: ProtectedApi): Promise<Response> {
  const { raw: request } = req;
  const identity = await sessions.check(request, env);
  return await api(new Request(request.url, { headers: request.headers }), env, identity);
}

async function answerApi({ req, env }: AdminContext, { api, sessions }: ProtectedApi): Promise<Response> {
  return await api(req.raw, env, await sessions.check(req.raw, env));
}
