/** The management API at `/manage`. */

import { Hono } from "hono";
import type { BearerGate } from "./bearer_gate.ts";
import type { Caller } from "./caller.ts";
import { connectionRoutes } from "./connections.ts";
import { endpointRoutes } from "./endpoints.ts";
import { openApiDocument } from "./openapi.ts";
import type { ManageParts } from "./parts.ts";
import { Problem, problemHandler, problemResponse } from "./problem.ts";
import { projectRoutes } from "./projects.ts";
import { json, type Route, runRoute } from "./route.ts";
import { systemRoutes } from "./system.ts";
import { tokenRoutes } from "./tokens.ts";
import { usageRoutes } from "./usage.ts";

/** The path of the management API. */
export const MANAGE_PATH = "/manage";

/** Responds to requests of the management API. */
export type ManageApi = (request: Request, caller: Caller) => Promise<Response>;

/**
 * Makes the API. With a `gate` each request needs the management token. Without one all callers are trusted:
 * the command line of the program, and the admin page, which checks sessions itself.
 */
export function createManageApi(
  parts: ManageParts,
  { gate, onUnexpected, path = MANAGE_PATH }: {
    gate: BearerGate | undefined;
    onUnexpected: (error: unknown) => void;
    /** The path of the API; {@link MANAGE_PATH} by default. */
    path?: string;
  },
): ManageApi {
  const routes = routesOf(parts);
  const app = new Hono<{ Bindings: Caller }>().basePath(path);
  if (gate !== undefined) {
    app.use((context, next) => {
      gate.check(context.req.header("authorization"), context.env);
      return next();
    });
  }
  app.get("/openapi.json", () => json(openApiDocument(routes, path)));
  for (const route of routes) {
    const pattern = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), pattern, (context) => runRoute(route, context, context.env.source));
  }
  app.notFound(() =>
    problemResponse(new Problem(404, `Nothing is served here. ${path}/openapi.json lists all routes.`))
  );
  app.onError(problemHandler(onUnexpected));
  return async (request, caller) => await app.fetch(request, caller);
}

/** All routes, in order of precedence. */
export function routesOf(parts: ManageParts): Route[] {
  return [
    ...projectRoutes(parts),
    ...tokenRoutes(parts),
    ...usageRoutes(parts),
    ...endpointRoutes(parts),
    ...connectionRoutes(parts),
    ...systemRoutes(parts),
  ];
}
