/** Routes for usage: sums, recorded exchanges, and running exchanges. */

import type { RunningExchange } from "../../accounting/running_exchange.ts";
import type { UsageFilter, UsageGroup, UsageRow } from "../../storage/store.ts";
import { csv } from "./csv.ts";
import { exchangeJson } from "./exchange_json.ts";
import { listBody, pageOf } from "./paging.ts";
import type { ManageParts, RunningProxy } from "./parts.ts";
import { Problem } from "./problem.ts";
import { json, type Route, route } from "./route.ts";
import { moment } from "./rules.ts";
import * as answers from "./answers.ts";
import * as requests from "./requests.ts";

/** How often the live stream sends running exchanges. */
const TICK_MS = 1_000;
/** The most unread events. The live stream ends for a client that does not read them. */
const MAX_UNREAD_EVENTS = 1_000;

/** The most sums in a response. */
const MAX_USAGE_ROWS = 20_000;

/** Makes the routes at `/usage` and `/exchanges`. */
export function usageRoutes(parts: ManageParts): Route[] {
  const { store, proxy } = parts;
  return [
    route({
      method: "get",
      path: "/usage",
      summary:
        "Sums of requests, tokens and cost, by group or in total; from and to are rounded to hours (UTC)",
      query: requests.usageQuery,
      answers: { 200: answers.listOf(answers.usageRow) },
      types: ["application/json", "text/csv"],
      async handle({ query }) {
        await parts.flushed();
        const { group, split } = groupsOf(query);
        const grouping = { group, split, timeZone: query.time_zone, limit: MAX_USAGE_ROWS + 1 };
        const rows = await store.usage(grouping, filterOf(query));
        if (rows.length > MAX_USAGE_ROWS) {
          throw new Problem(
            422,
            `There are more than ${MAX_USAGE_ROWS} sums: request a shorter time or fewer groups.`,
          );
        }
        const data = rows.map((row) => shownUsage(row, { group, split }));
        if (query.format === "json") return json({ data, next_cursor: null });
        return new Response(csv(data), {
          headers: {
            "content-type": "text/csv; charset=utf-8",
            "content-disposition": `attachment; filename="usage-${query.group?.join("-") ?? "total"}.csv"`,
            "cache-control": "no-store",
          },
        });
      },
    }),
    route({
      method: "get",
      path: "/exchanges",
      summary: "Exchanges, newest first, without prompts and responses",
      query: requests.exchangesQuery,
      answers: { 200: answers.listOf(answers.exchange) },
      async handle({ query }) {
        await parts.flushed();
        const { status, ending, request_id: requestId } = query;
        const wanted = { ...pageOf(query), ...filterOf(query), status, ending, requestId };
        const exchanges = await store.listExchanges(wanted);
        return json(listBody(exchanges, exchangeJson));
      },
    }),
    route({
      method: "get",
      path: "/exchanges/live",
      summary:
        "Events as exchanges start and end, and every second the running exchanges, as server-sent events",
      answers: { 200: undefined },
      types: ["text/event-stream"],
      handle() {
        if (proxy === undefined) {
          throw new Problem(503, "No proxy is running here: use the API of a running proxy.");
        }
        return Promise.resolve(
          new Response(liveEvents(proxy, parts), {
            headers: {
              "content-type": "text/event-stream",
              "cache-control": "no-store",
              "x-accel-buffering": "no",
            },
          }),
        );
      },
    }),
  ];
}

/** The groups of a query. The second group is after the comma or in `split`. */
function groupsOf(
  { group: groups = [], split }: { group?: UsageGroup[] | undefined; split?: UsageGroup | undefined },
): { group: UsageGroup | undefined; split: UsageGroup | undefined } {
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
    endpoint: query.endpoint,
    model: query.model,
    client: query.client,
  };
}

function shownUsage(
  row: UsageRow,
  { group, split }: { group: UsageGroup | undefined; split: UsageGroup | undefined },
): Record<string, string | number | null> {
  const shownKey = (
    by: UsageGroup | undefined,
    of: { key: string; name: string | undefined } | undefined,
  ) => ({
    ...(by !== undefined && { [by]: of?.key ?? null }),
    ...((by === "token" || by === "project") && { [`${by}_name`]: of?.name ?? null }),
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

function shownRunning(running: RunningExchange) {
  return {
    request_id: running.requestId,
    started_at: moment(running.startedAt),
    endpoint: running.endpoint ?? null,
    backend: running.backend ?? null,
    principal: running.principal,
    token_id: running.tokenId ?? null,
    project_id: running.projectId ?? null,
    client: running.client,
    stream: running.stream ?? null,
    model_asked: running.modelAsked ?? null,
    bytes: running.bytes,
  };
}

/**
 * The live stream. It sends `running` first and every second while exchanges run, and `started` and `ended`
 * as exchanges start and end.
 */
function liveEvents(proxy: RunningProxy, { clock }: ManageParts): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  let stop = (): void => {};
  return new ReadableStream({
    start(controller) {
      const send = (event: string, data: unknown): void => {
        if ((controller.desiredSize ?? 0) < -MAX_UNREAD_EVENTS) return close();
        controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`));
      };
      let stopTimer = (): void => {};
      let hadAny = true;
      const tick = (): void => {
        stopTimer = clock.after(TICK_MS, tick);
        const running = proxy.running();
        if (running.length > 0 || hadAny) send("running", running.map(shownRunning));
        hadAny = running.length > 0;
      };
      const unsubscribe = proxy.subscribe((event) => {
        if (event.kind === "started") send("started", shownRunning(event.exchange));
        else send("ended", exchangeJson(event.exchange));
      }, close);
      stop = () => {
        stopTimer();
        unsubscribe();
      };
      function close(): void {
        stop();
        controller.close();
      }
      tick();
    },
    cancel: () => stop(),
  });
}
