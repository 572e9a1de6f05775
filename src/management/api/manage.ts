/** The management API at `/manage`. */

import { Hono } from "hono";
import { ACCOUNT_ROUTES } from "./accounts.ts";
import type { BearerGate } from "./bearer_gate.ts";
import type { Caller } from "./caller.ts";
import { CONNECTION_ROUTES } from "./connections.ts";
import { DEVICE_OPERATIONS, type DeviceGrant } from "./device_grant.ts";
import { DEVICE_LOGIN_ROUTES } from "./device_logins.ts";
import { ENDPOINT_ROUTES } from "./endpoints.ts";
import { type Identity, whileAllowed } from "./identity.ts";
import { openApiDocument } from "./openapi.ts";
import type { ManageParts } from "./parts.ts";
import { OWN_ROUTES } from "./own_account.ts";
import { PASSKEY_ROUTES } from "./passkeys.ts";
import { PEOPLE_ROUTES } from "./people.ts";
import { Problem, problemHandler, problemResponse } from "./problem.ts";
import { PROJECT_ROUTES } from "./projects.ts";
import { type Route, runRoute } from "./route.ts";
import { SYSTEM_ROUTES } from "./system.ts";
import { TOKEN_ROUTES } from "./tokens.ts";
import { USAGE_ROUTES } from "./usage.ts";

/** The path of the management API. */
export const MANAGE_PATH = "/manage";

/** Responds to requests of the management API, whose actor is known. */
export type ManageApi = (request: Request, caller: Caller, identity: Identity) => Promise<Response>;

/** All routes, in order of precedence. */
export const ROUTES: readonly Route[] = [
  ...PROJECT_ROUTES,
  ...TOKEN_ROUTES,
  ...USAGE_ROUTES,
  ...ENDPOINT_ROUTES,
  ...CONNECTION_ROUTES,
  ...OWN_ROUTES,
  ...PEOPLE_ROUTES,
  ...ACCOUNT_ROUTES,
  ...DEVICE_LOGIN_ROUTES,
  ...PASSKEY_ROUTES,
  ...SYSTEM_ROUTES,
];

/** What the router knows of a request besides the request. */
interface Bindings extends Caller {
  readonly identity: Identity;
}

/** Makes the API. Its callers find out who makes a request. */
export function createManageApi(
  parts: ManageParts,
  { onUnexpected, path = MANAGE_PATH }: {
    onUnexpected: (error: unknown) => void;
    /** The path of the API; {@link MANAGE_PATH} by default. */
    path?: string;
  },
): ManageApi {
  const app = new Hono<{ Bindings: Bindings }>().basePath(path);
  // Every role may read it: see SURFACES in access.ts.
  app.get("/openapi.json", () => {
    const headers = { "cache-control": "no-store" };
    // The routes without a credential are beside the API that programs use.
    const open = path === MANAGE_PATH ? DEVICE_OPERATIONS : [];
    return Response.json(openApiDocument(ROUTES, path, open), { headers });
  });
  for (const route of ROUTES) {
    const pattern = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), pattern, (context) => {
      const { identity, ...caller } = context.env;
      return runRoute(route, context, { caller, identity, parts });
    });
  }
  app.notFound(() =>
    problemResponse(new Problem(404, `Nothing is served here. ${path}/openapi.json lists all routes.`))
  );
  app.onError(problemHandler(onUnexpected));
  return async (request, caller, identity) => {
    const response = await app.fetch(request, { ...caller, identity });
    const { body } = response;
    if (body === null || response.headers.get("content-type") !== "text/event-stream") return response;
    return new Response(whileAllowed(body, { identity, clock: parts.clock, onUnexpected }), response);
  };
}

/** The API behind a gate: each request needs a token for it, but those of commands that ask for one. */
export function gatedApi(
  api: ManageApi,
  { gate, devices, onUnexpected }: {
    gate: BearerGate;
    devices: DeviceGrant;
    onUnexpected: (error: unknown) => void;
  },
): (request: Request, caller: Caller) => Promise<Response> {
  const failed = problemHandler(onUnexpected);
  return async (request, caller) => {
    let identity: Identity;
    try {
      const path = new URL(request.url).pathname.slice(MANAGE_PATH.length);
      const answered = devices.answer(path, request, caller);
      if (answered !== undefined) return await answered;
      identity = await gate.check(request.headers.get("authorization") ?? undefined, caller);
    } catch (error) {
      return failed(error);
    }
    return await api(request, caller, identity);
  };
}
