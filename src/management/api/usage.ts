/** Routes for usage: sums, recorded exchanges, and running exchanges. */

import * as v from "valibot";
import type { UsageFilter, UsageGroup, UsageRow } from "../../storage/usage_store.ts";
import { csv } from "./csv.ts";
import { exchangeJson } from "./exchange_json.ts";
import { listBody, pageOf } from "./paging.ts";
import { liveExchanges } from "./live_exchanges.ts";
import type { RouteParts } from "./parts.ts";
import { Problem } from "./problem.ts";
import { json, type JsonReply, type QueryRequest, type Route, route } from "./route.ts";
import * as responses from "./responses.ts";
import * as requests from "./requests.ts";

/** The most sums in a response. */
const MAX_USAGE_ROWS = 20_000;

/** The routes at `/usage` and `/exchanges`. */
export const USAGE_ROUTES: readonly Route[] = [
  route("get /usage", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "projects" },
    summary:
      "Sums of requests, tokens and cost, by group or in total; from and to are rounded to hours (UTC)",
    query: requests.usageQuery,
    responses: { 200: responses.listOf(responses.usageRow) },
    types: ["application/json", "text/csv"],
    handle: showUsage,
  }),
  route("get /exchanges", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "projects" },
    summary: "Exchanges, newest first, without prompts and responses",
    query: requests.exchangesQuery,
    responses: { 200: responses.listOf(responses.exchange) },
    handle: listExchanges,
  }),
  route("get /exchanges/live", {
    access: { admin: "all", manager: "projects", member: "own", viewer: "projects" },
    summary:
      "Events as exchanges start and end, and every second the running exchanges, as server-sent events",
    responses: { 200: undefined },
    types: ["text/event-stream"],
    handle: (_, parts) => streamExchanges(parts),
  }),
];

async function showUsage(
  { query }: QueryRequest<typeof requests.usageQuery>,
  { store, flushed, shown }: RouteParts,
): Promise<JsonReply | Response> {
  await flushed();
  const groups = groupsOf(query);
  const grouping = { ...groups, timeZone: query.time_zone, limit: MAX_USAGE_ROWS + 1 };
  const rows = await store.usage(grouping, filterOf(query));
  if (rows.length > MAX_USAGE_ROWS) {
    throw new Problem(
      422,
      `There are more than ${MAX_USAGE_ROWS} sums: request a shorter time or fewer groups.`,
    );
  }
  const data = rows.map((row) => shownUsage(row, groups));
  if (query.format === "json") return json({ data, next_cursor: null });
  const seen = shown(v.array(responses.usageRow), data) as typeof data;
  return new Response(csv(seen), {
    headers: {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": `attachment; filename="usage-${query.group?.join("-") ?? "total"}.csv"`,
      "cache-control": "no-store",
    },
  });
}

async function listExchanges(
  { query }: QueryRequest<typeof requests.exchangesQuery>,
  { store, flushed }: RouteParts,
): Promise<JsonReply | Response> {
  await flushed();
  const { status, ending, request_id: requestId } = query;
  const wanted = { ...pageOf(query), ...filterOf(query), status, ending, requestId };
  return json(listBody(await store.listExchanges(wanted), exchangeJson));
}

async function streamExchanges({ proxy, clock, shown }: RouteParts): Promise<JsonReply | Response> {
  if (proxy === undefined) {
    throw new Problem(503, "No proxy is running here: use the API of a running proxy.");
  }
  const headers = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
  };
  await proxy.refreshed();
  return new Response(liveExchanges(proxy, { clock, shown }), { headers });
}

/** The first and the second grouping of sums; `undefined` if the query has none. */
interface Groups {
  readonly group: UsageGroup | undefined;
  readonly split: UsageGroup | undefined;
}

/** The groups of a query. The second group is after the comma or in `split`. */
function groupsOf(
  { group: groups = [], split }: { group?: UsageGroup[] | undefined; split?: UsageGroup | undefined },
): Groups {
  const [group, second = split] = groups;
  const wrong = (name: string, detail: string) =>
    new Problem(400, `#/query/${name}: ${detail}`, { places: [{ pointer: `#/query/${name}`, detail }] });
  if (groups.length === 2 && split !== undefined) throw wrong("split", "is given besides two groups");
  if (second !== undefined && (group === undefined || second === group)) {
    throw wrong("split", "needs another group to split");
  }
  return { group, split: second };
}

function filterOf(query: {
  from?: string | undefined;
  to?: string | undefined;
  project_id?: string | undefined;
  token_id?: string | undefined;
  person_id?: string | undefined;
  endpoint?: string | undefined;
  model?: string | undefined;
  client?: string | undefined;
}): UsageFilter {
  const time = (text: string | undefined) => text === undefined ? undefined : Date.parse(text);
  const from = time(query.from);
  const to = time(query.to);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new Problem(400, "#/query/to: is not after from", {
      places: [{ pointer: "#/query/to", detail: "is not after from" }],
    });
  }
  return {
    from,
    to,
    projectId: query.project_id,
    tokenId: query.token_id,
    personId: query.person_id,
    endpoint: query.endpoint,
    model: query.model,
    client: query.client,
  };
}

function shownUsage(
  row: UsageRow,
  { group, split }: Groups,
): Record<string, string | number | null> {
  const shownKey = (
    by: UsageGroup | undefined,
    of: { key: string; name: string | undefined } | undefined,
  ) => ({
    ...(by !== undefined && { [by]: of?.key ?? null }),
    ...((by === "token" || by === "project" || by === "person") && { [`${by}_name`]: of?.name ?? null }),
  });
  return {
    ...shownKey(group, row),
    ...shownKey(split, row.split),
    requests: row.requests,
    errors: row.errors,
    input_tokens: row.inputTokens,
    output_tokens: row.outputTokens,
    cached_tokens: row.cachedTokens,
    cache_write_tokens: row.cacheWriteTokens,
    reasoning_tokens: row.reasoningTokens,
    audio_tokens: row.audioTokens,
    image_tokens: row.imageTokens,
    cost_micros: row.costMicros,
    unmetered_requests: row.unmetered,
    unpriced_requests: row.unpriced,
    estimated_requests: row.estimated,
    bytes: row.bytes,
    duration_ms: Math.round(row.durationMs),
    ...(split === undefined && {
      time_to_first_byte_p50_ms: rounded(row.firstByteMs?.median),
      time_to_first_byte_p95_ms: rounded(row.firstByteMs?.p95),
    }),
  };
}

function rounded(value: number | undefined): number | null {
  return value === undefined ? null : Math.round(value);
}
