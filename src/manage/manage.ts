/** The management API: `/manage/*`. */

import { Hono } from "hono";
import { StoreError } from "../storage/store.ts";
import type { BearerGate } from "./bearer_gate.ts";
import { openApiDocument } from "./openapi.ts";
import type { ManageParts } from "./parts.ts";
import { Problem, problemResponse } from "./problem.ts";
import { projectRoutes } from "./projects.ts";
import { json, type Route, runRoute } from "./route.ts";
import { systemRoutes } from "./system.ts";
import { tokenRoutes } from "./tokens.ts";
import { usageRoutes } from "./usage.ts";

/** Where it is mounted. */
export const MANAGE_PATH = "/manage";

/** Answers requests to `/manage/*`. `source` is the address they come from. */
export type ManageApi = (request: Request, source: string) => Promise<Response>;

/**
 * Makes the API. With a `gate` every request has to pass it; without, whoever calls is trusted, which is for the
 * program's own command line.
 */
export function createManageApi(
  parts: ManageParts,
  { gate, onUnexpected }: { gate: BearerGate | undefined; onUnexpected: (error: unknown) => void },
): ManageApi {
  const routes = routesOf(parts);
  const app = new Hono<{ Bindings: { source: string } }>().basePath(MANAGE_PATH);
  if (gate !== undefined) {
    app.use((context, next) => {
      gate.check(context.req.header("authorization"), context.env.source);
      return next();
    });
  }
  app.get("/openapi.json", () => json(openApiDocument(routes, MANAGE_PATH)));
  for (const route of routes) {
    const path = route.path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), path, (context) => runRoute(route, context, context.env.source));
  }
  app.notFound(() =>
    problemResponse(new Problem(404, `Nothing is here; ${MANAGE_PATH}/openapi.json lists what is.`))
  );
  app.onError((error) => {
    const problem = problemOf(error);
    if (problem.status === 500) onUnexpected(error);
    return problemResponse(problem);
  });
  return async (request, source) => await app.fetch(request, { source });
}

/** All routes in their order: the first that matches answers. */
export function routesOf(parts: ManageParts): Route[] {
  return [...projectRoutes(parts), ...tokenRoutes(parts), ...usageRoutes(parts), ...systemRoutes(parts)];
}

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) {
    if (error.kind === "taken") return new Problem(409, "That name is taken.");
    return new Problem(503, `The database does not answer as it should: ${error.message}.`);
  }
  return new Problem(500, "The proxy failed on this request; its log says more.");
}
