/** The queries of the admin page and of the management API, as they reach the store. */

import type { ExchangeFilter, Store } from "../../../src/storage/store.ts";
import { USAGE_GROUPS, type UsageFilter, type UsageGroup } from "../../../src/storage/usage_store.ts";
import { DAY_MS, HOUR_MS, personId, projectId, tokenId } from "./made_up.ts";

/** A query with its name in the table of results. */
export interface TimedQuery {
  readonly name: string;
  /** Gives what was read, so that two databases can be compared. */
  readonly run: (store: Store) => Promise<unknown>;
}

const ZONE = "Europe/Berlin";
/** The most sums of a response of the API, and one more. */
const LIMIT = 20_001;
const PAGE = 100;
const EVERYTHING: UsageFilter = {
  from: undefined,
  to: undefined,
  projectId: undefined,
  tokenId: undefined,
  endpoint: undefined,
  model: undefined,
  client: undefined,
};
const UNFILTERED: ExchangeFilter = {
  ...EVERYTHING,
  status: undefined,
  ending: undefined,
  requestId: undefined,
};
/** A project with many requests, and one of each other kind. */
const FILTERS: Readonly<Record<string, Partial<UsageFilter>>> = {
  project: { projectId: projectId(0) },
  token: { tokenId: tokenId(3) },
  model: { model: "model-7-2026" },
  endpoint: { endpoint: "endpoint-7" },
  client: { client: "client-1" },
  person: { personId: personId(3) },
  "project and model": { projectId: projectId(0), model: "model-7-2026" },
};

/** All queries over a year that ends at a moment, in milliseconds since 1970. */
export function queries(now: number): TimedQuery[] {
  return [...usageQueries(now), ...listQueries(now)];
}

function usageQueries(now: number): TimedQuery[] {
  const query = (
    days: number,
    [group, split]: readonly [UsageGroup?, UsageGroup?],
    [filterName, filter]: readonly [string, Partial<UsageFilter>] = ["", {}],
  ): TimedQuery => ({
    name: `${group ?? "total"}${split === undefined ? "" : ` by ${split}`}, ${days} days${
      filterName === "" ? "" : `, of a ${filterName}`
    }`,
    run: (store) =>
      store.usage(
        { group, split, timeZone: ZONE, limit: LIMIT },
        { ...EVERYTHING, ...filter, from: days === 365 ? undefined : now - days * DAY_MS - HOUR_MS / 2 },
      ),
  });
  const groups = USAGE_GROUPS.filter((group) => group !== "hour" && group !== "day");
  const found: TimedQuery[] = [];
  for (const days of [1, 7, 30, 90, 365]) {
    found.push(query(days, []), query(days, ["day"]), query(days, ["hour"]));
    for (const group of groups) found.push(query(days, [group]), query(days, ["day", group]));
    if (days <= 7) found.push(...groups.map((group) => query(days, ["hour", group])));
    for (const filter of Object.entries(FILTERS)) {
      found.push(
        query(days, [], filter),
        query(days, ["day"], filter),
        query(days, ["day", "model"], filter),
      );
    }
    found.push(
      query(days, ["project", "model"]),
      query(days, ["token", "model"]),
      query(days, ["model"], ["project", FILTERS["project"] ?? {}]),
    );
  }
  return found;
}

function listQueries(now: number): TimedQuery[] {
  const list = (name: string, filter: Partial<ExchangeFilter>, before?: number): TimedQuery => ({
    name: `exchanges: ${name}`,
    run: (store) => store.listExchanges({ ...UNFILTERED, ...filter, limit: PAGE, before }),
  });
  const middle = { from: now - 180 * DAY_MS, to: now - 179 * DAY_MS };
  return [
    list("newest", {}),
    list("page 50,000", {}, 5_000_000),
    list("request id", { requestId: "req_unknown" }),
    ...Object.entries(FILTERS).map(([name, filter]) => list(`of a ${name}`, filter)),
    list("of a token with few", { tokenId: tokenId(398) }),
    list("of an unknown token", { tokenId: "tok_unknown" }),
    list("of a status", { status: 502 }),
    list("of an unknown status", { status: 418 }),
    list("of an ending", { ending: "client_gone" }),
    list("of a day half a year ago", middle),
    list("of that day and a token", { ...middle, tokenId: tokenId(3) }),
    list("of that day and an unknown status", { ...middle, status: 418 }),
    { name: "spending of all subjects", run: (store) => store.readSpending({ until: now }) },
    {
      name: "tokens",
      run: (store) =>
        store.listTokens({ limit: PAGE, before: undefined, projectId: undefined, activeAt: undefined }),
    },
    {
      name: "projects",
      run: (store) => store.listProjects({ limit: PAGE, before: undefined, activeOnly: true }),
    },
    { name: "audit log", run: (store) => store.listAudit({ limit: PAGE, before: undefined }) },
  ];
}
