/** The proxy itself: its health, its database, and who changed what. */

import { backupStream } from "../storage/backup_stream.ts";
import { VERSION } from "../version.ts";
import { auditor } from "./changes.ts";
import { listBody, pageOf } from "./paging.ts";
import type { ManageParts } from "./parts.ts";
import { json, type Route, route } from "./route.ts";
import { moment } from "./rules.ts";
import * as answers from "./answers.ts";
import * as requests from "./requests.ts";

/** Their routes. */
export function systemRoutes(parts: ManageParts): Route[] {
  const { store, proxy, clock, ending } = parts;
  const audit = auditor(parts);
  return [
    route({
      method: "get",
      path: "/audit",
      summary: "Changes, sign-ins, refused attempts and backups, newest first",
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
    route({
      method: "get",
      path: "/backup",
      summary: "The whole database as a file, copied while it is in use",
      answers: { 200: undefined },
      types: ["application/vnd.sqlite3"],
      async handle({ source }) {
        // First: a copy that nobody knows of would be worse than an entry without a copy.
        await store.addAudit(audit(source, "backup.create", "database", {}));
        const day = moment(clock.epochMs()).slice(0, 10);
        return new Response(await backupStream(store, ending), {
          headers: {
            "content-type": "application/vnd.sqlite3",
            "content-disposition": `attachment; filename="llm-proxy-${day}.db"`,
            "cache-control": "no-store",
          },
        });
      },
    }),
  ];
}
