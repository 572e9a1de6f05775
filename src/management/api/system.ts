/** Routes for the proxy itself: audit log, health, reload, stop and backup. */

import { backupStream } from "../../storage/backup_stream.ts";
import type { AuditEntry } from "../../storage/audit_store.ts";
import { VERSION } from "../../release.ts";
import { auditor } from "./audit_entry.ts";
import { listBody, pageOf } from "./paging.ts";
import type { Controls, RouteParts, RunningProxy } from "./parts.ts";
import { ADMIN_ONLY } from "./access.ts";
import { Problem } from "./problem.ts";
import { json, type JsonReply, type QueryRequest, type Route, route, type RouteRequest } from "./route.ts";
import { moment } from "./rules.ts";
import * as responses from "./responses.ts";
import * as requests from "./requests.ts";

/** The content type of a backup. */
const SQLITE_TYPE = "application/vnd.sqlite3";

/** The routes at `/audit`, `/health`, `/reload`, `/stop` and `/backup`. */
export const SYSTEM_ROUTES: readonly Route[] = [
  route("get /audit", {
    access: ADMIN_ONLY,
    summary: "Changes, sign-ins, rejected attempts and backups, newest first",
    query: requests.pageQuery,
    responses: { 200: responses.listOf(responses.auditEntry) },
    handle: listAudit,
  }),
  route("get /health", {
    access: ADMIN_ONLY,
    summary: "The health of the management plane",
    responses: { 200: responses.health },
    handle: async (_, parts) => json(await healthOf(parts)),
  }),
  route("get /system", {
    access: ADMIN_ONLY,
    summary: "The health, the hash of the configuration without secrets, and the replicas on the database",
    responses: { 200: responses.system },
    handle: async (_, parts) => json({ ...await healthOf(parts), ...replicasOf(parts) }),
  }),
  route("get /reload", {
    access: ADMIN_ONLY,
    summary: "What a reload would change now, without a change",
    responses: { 200: responses.reloadPreview },
    handle: (_, parts) => previewReload(parts),
  }),
  route("post /reload", {
    access: ADMIN_ONLY,
    summary: "Read the configuration again; an invalid one is rejected, and the current one stays",
    responses: { 200: responses.reload },
    handle: reload,
  }),
  route("post /stop", {
    access: ADMIN_ONLY,
    summary:
      "Stop the proxy: it takes no new requests, finishes running ones within the drain timeout, and exits",
    responses: { 202: undefined },
    handle: stop,
  }),
  route("get /backup", {
    access: ADMIN_ONLY,
    summary: "A copy of the whole database as a file, made while the database is in use",
    responses: { 200: undefined },
    types: [SQLITE_TYPE],
    handle: sendBackup,
  }),
];

async function listAudit(
  { query }: QueryRequest<typeof requests.pageQuery>,
  { store }: RouteParts,
): Promise<JsonReply | Response> {
  return json(listBody(await store.whole().listAudit(pageOf(query)), shownEntry));
}

async function healthOf({ store, proxy }: RouteParts) {
  const size = await store.whole().size().catch(() => undefined);
  await proxy?.refreshed();
  const storage = size === undefined ? "failing" : proxy?.storage() ?? "ok";
  return {
    status: storage === "ok" ? "ok" : "degraded",
    storage,
    version: VERSION,
    uptime_seconds: Math.floor((proxy?.uptimeMs() ?? 0) / 1000),
    database_bytes: size ?? null,
    dropped_exchanges: proxy?.dropped() ?? 0,
    in_flight: proxy?.running().length ?? 0,
  };
}

/** What replicas on the database know of each other, and whether {@link sendBackup} can make a copy. */
function replicasOf({ store, proxy }: RouteParts) {
  const replicas = proxy?.replicas();
  return {
    config_hash: proxy?.configHash() ?? null,
    replica: replicas?.id ?? null,
    replicas: (replicas?.seen ?? []).map(({ id, version, configHash, ageMs }) => ({
      id,
      version,
      config_hash: configHash,
      seen_seconds: Math.round(ageMs / 1000),
    })),
    replicas_differ: replicas?.differ ?? false,
    backups: store.whole().copies !== undefined,
  };
}

async function previewReload({ proxy }: RouteParts): Promise<JsonReply | Response> {
  const result = await controlsOf(proxy).preview();
  if (!result.ok) throw wrongConfiguration(result.problems);
  const { file = null, changed, restart, warnings } = result;
  const shown = changed.map(({ key, before = null, after = null }) => ({ key, before, after }));
  return json({ file, changed: shown, restart, warnings });
}

async function reload({ source }: RouteRequest, parts: RouteParts): Promise<JsonReply | Response> {
  const result = await controlsOf(parts.proxy).reload();
  const entry = auditor(parts)(source, "system.reload", "configuration", { ok: result.ok });
  await parts.store.addAudit(entry);
  if (result.ok) return json({ changed: result.changed, warnings: result.warnings });
  throw wrongConfiguration(result.problems);
}

async function stop({ source }: RouteRequest, parts: RouteParts): Promise<JsonReply | Response> {
  const controls = controlsOf(parts.proxy);
  await parts.store.addAudit(auditor(parts)(source, "system.stop", "proxy", {}));
  controls.stop();
  return new Response(null, { status: 202 });
}

const NO_COPIES =
  "The database is PostgreSQL. Back it up with pg_dump, and keep ENCRYPTION_KEY with the copy.";

async function sendBackup({ source }: RouteRequest, parts: RouteParts): Promise<JsonReply | Response> {
  const { clock, ending } = parts;
  const store = parts.store.whole();
  if (store.copies === undefined) throw new Problem(409, NO_COPIES);
  // The entry comes first: an entry without a copy is better than a copy without an entry.
  await store.addAudit(auditor(parts)(source, "backup.create", "database", {}));
  const day = moment(clock.epochMs()).slice(0, 10);
  return new Response(await backupStream(store.copies, ending), {
    headers: {
      "content-type": SQLITE_TYPE,
      "content-disposition": `attachment; filename="llm-proxy-${day}.db"`,
      "cache-control": "no-store",
    },
  });
}

function shownEntry({ id, at, actor, source, action, subjectId, changes }: AuditEntry) {
  return { id, at: moment(at), actor, source, action, subject_id: subjectId, changes };
}

/** The actions of the running proxy. Throws a `409` {@link Problem} if no proxy is running. */
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
