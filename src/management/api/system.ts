/** Routes for the proxy itself: audit log, health, reload, stop and backup. */

import { backupStream } from "../../storage/backup_stream.ts";
import { VERSION } from "../../release.ts";
import { auditor } from "./audit_entry.ts";
import { listBody, pageOf } from "./paging.ts";
import type { Controls, ManageParts, RunningProxy } from "./parts.ts";
import { Problem } from "./problem.ts";
import { json, type Route, route } from "./route.ts";
import { moment } from "./rules.ts";
import * as answers from "./answers.ts";
import * as requests from "./requests.ts";

/** Makes the routes at `/audit`, `/health`, `/reload`, `/stop` and `/backup`. */
export function systemRoutes(parts: ManageParts): Route[] {
  const { store, proxy, clock, ending } = parts;
  const audit = auditor(parts);
  return [
    route({
      method: "get",
      path: "/audit",
      summary: "Changes, sign-ins, rejected attempts and backups, newest first",
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
      summary: "The health of the management plane",
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
      path: "/reload",
      summary: "What a reload would change now, without a change",
      answers: { 200: answers.reloadPreview },
      async handle() {
        const result = await controlsOf(proxy).preview();
        if (!result.ok) throw wrongConfiguration(result.problems);
        const { file = null, changed, restart, warnings } = result;
        const shown = changed.map(({ key, before = null, after = null }) => ({ key, before, after }));
        return json({ file, changed: shown, restart, warnings });
      },
    }),
    route({
      method: "post",
      path: "/reload",
      summary: "Read the configuration again; an invalid one is rejected, and the current one stays",
      answers: { 200: answers.reload },
      async handle({ source }) {
        const result = await controlsOf(proxy).reload();
        await store.addAudit(audit(source, "system.reload", "configuration", { ok: result.ok }));
        if (result.ok) return json({ changed: result.changed, warnings: result.warnings });
        throw wrongConfiguration(result.problems);
      },
    }),
    route({
      method: "post",
      path: "/stop",
      summary:
        "Stop the proxy: it takes no new requests, finishes running ones within the drain timeout, and exits",
      answers: { 202: undefined },
      async handle({ source }) {
        const { stop } = controlsOf(proxy);
        await store.addAudit(audit(source, "system.stop", "proxy", {}));
        stop();
        return new Response(null, { status: 202 });
      },
    }),
    route({
      method: "get",
      path: "/backup",
      summary: "A copy of the whole database as a file, made while the database is in use",
      answers: { 200: undefined },
      types: ["application/vnd.sqlite3"],
      async handle({ source }) {
        // The entry comes first: an entry without a copy is better than a copy without an entry.
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

function controlsOf(proxy: RunningProxy | undefined): Controls {
  const controls = proxy?.controls();
  if (controls === undefined) {
    throw new Problem(409, "No proxy is running here: use the API of a running proxy.");
  }
  return controls;
}

function wrongConfiguration(problems: readonly string[]): Problem {
  return new Problem(422, `The configuration is invalid: ${problems.join("; ")}`, {
    places: problems.map((detail) => ({ pointer: "#", detail })),
  });
}
