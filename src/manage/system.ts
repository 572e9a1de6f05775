/** The proxy itself: its endpoints, its health, and who changed what. */

import { VERSION } from "../version.ts";
import { listBody, pageOf } from "./paging.ts";
import type { ManageParts } from "./parts.ts";
import { json, type Route, route } from "./route.ts";
import { moment } from "./rules.ts";
import * as v from "valibot";
import * as answers from "./answers.ts";
import * as requests from "./requests.ts";

/** Their routes. */
export function systemRoutes({ store, proxy }: ManageParts): Route[] {
  return [
    route({
      method: "get",
      path: "/audit",
      summary: "Every change that was made, newest first",
      query: requests.pageQuery,
      answers: { 200: answers.listOf(answers.auditEntry) },
      async handle({ query }) {
        const entries = await store.listAudit(pageOf(query));
        return json(listBody(entries, ({ id, at, actor, source, action, subjectId, changes }) => ({
          id,
          at: moment(at),
          actor,
          source,
          action,
          subject_id: subjectId,
          changes,
        })));
      },
    }),
    route({
      method: "get",
      path: "/endpoints",
      summary: "Endpoints, and how each of their backends stands",
      answers: { 200: v.object({ data: v.array(answers.endpoint), next_cursor: v.null() }) },
      handle: () =>
        Promise.resolve(json({
          data: (proxy?.endpoints() ?? []).map(({ endpoint: { name, provider, strategy }, backends }) => ({
            name,
            provider,
            strategy,
            backends: backends.map(({ backend, state, inFlight, failures, forMs }) => ({
              name: backend.name,
              base_url: backend.baseUrl.origin + backend.baseUrl.path,
              state,
              in_flight: inFlight,
              failures,
              for_seconds: Math.round(forMs / 1000),
            })),
          })),
          next_cursor: null,
        })),
    }),
    route({
      method: "get",
      path: "/health",
      summary: "How the management plane is",
      answers: { 200: answers.health },
      async handle() {
        const size = await store.size().catch(() => undefined);
        const storage = size === undefined ? "failing" : proxy?.storage() ?? "ok";
        return json({
          status: storage === "ok" ? "ok" : "degraded",
          storage,
          version: VERSION,
          uptime_seconds: Math.floor((proxy?.uptimeMs() ?? 0) / 1000),
          database_bytes: size ?? null,
          dropped_exchanges: proxy?.dropped() ?? 0,
          in_flight: proxy?.running().length ?? 0,
        });
      },
    }),
  ];
}
