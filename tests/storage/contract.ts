/** The tests that every adapter of the store passes. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Booking } from "../../src/storage/booking.ts";
import { costNote, COSTS_PREFIX, pagesOf } from "../../src/storage/cost_notes.ts";
import type { MadeObject } from "../../src/storage/object_store.ts";
import { PackedExchanges } from "../../src/storage/packed_exchanges.ts";
import { type ExchangeRow, type Store, StoreError } from "../../src/storage/store.ts";
import {
  USAGE_GROUPS,
  type UsageFilter,
  type UsageGrouping,
  type UsageRow,
} from "../../src/storage/usage_store.ts";
import { DEVICE_CONTRACT } from "./device_contract.ts";
import { DIRECTORY_CONTRACT } from "./directory_contract.ts";
import { PEOPLE_CONTRACT } from "./people_contract.ts";
import { random } from "../support/data/random.ts";
import { until } from "../support/time/deadline.ts";
import { type Reason, unless } from "../support/runner/left_out.ts";
import {
  ALL_TOGETHER,
  AT,
  auditRow,
  awaitedObject,
  exchangeRow,
  madeObject,
  NO_FILTER,
  projectRow,
  tokenRow,
} from "../support/data/rows.ts";

/** Opens a new store, and the same one a second time. */
export interface StoreBench {
  readonly open: () => Promise<Store>;
  readonly dispose: () => Promise<void>;
  /** Whether a store learns of the changes of others by a notification, a moment later. */
  readonly isNotified?: boolean;
  /** How many changes of projects and tokens the store keeps; 10,000 if it is undefined. */
  readonly keptChanges?: number;
}

const ALL = { limit: 50, before: undefined };
const HOUR = 3_600_000;
const NOTHING_USED = {
  inputTokens: undefined,
  outputTokens: undefined,
  costMicros: undefined,
  usageSource: undefined,
} as const;
const DAY = 24 * HOUR;

/** An exchange with its own request id. A store may leave out a second one with the same id. */
function distinctRow(more: Partial<ExchangeRow> = {}): ExchangeRow {
  return exchangeRow({ requestId: crypto.randomUUID(), ...more });
}

/** How the tests of a store run. */
interface ContractOptions {
  /** Why they cannot run here. */
  readonly reason?: Reason;
  /**
   * Of the combinations of period, filter, grouping and time zone, the test tries one of so many. The number
   * must have no divisor in common with the numbers of groupings and of time zones, so that each grouping
   * meets each time zone.
   */
  readonly every?: number;
}

export function storeContract(
  name: string,
  createBench: () => Promise<StoreBench>,
  { reason, every = 3 }: ContractOptions = {},
): void {
  const test = (what: string, work: (store: Store, bench: StoreBench) => Promise<void>) =>
    Deno.test({
      ...unless(reason, `${name}: ${what}`),
      async fn() {
        const bench = await createBench();
        const store = await bench.open();
        try {
          await work(store, bench);
        } finally {
          await store.close();
          await bench.dispose();
        }
      },
    });

  for (const [what, work] of PEOPLE_CONTRACT) test(what, work);
  for (const [what, work] of DEVICE_CONTRACT) test(what, work);
  for (const [what, work] of DIRECTORY_CONTRACT) test(what, work);

  test("an id with characters that no id has is unknown", async (store) => {
    await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    for (const id of ["p1\0", "\0", "\ud800"]) {
      assertEquals([await store.findProject(id), await store.findToken(id)], [undefined, undefined]);
      assertEquals(await store.isTokenNameUsed(id, "name"), false);
    }
  });

  test("reads a project as it was written", async (store) => {
    const project = projectRow("p1", {
      name: "Müller & Söhne 😀",
      active: false,
      rules: { requestsPerMinute: 5, models: ["gpt-*"], totalBudgetMicros: 9_007_199_254_740_991 },
      keys: [{ endpoint: "openai", sealed: Uint8Array.of(0, 1, 255), suffix: "abcd" }],
    });
    await store.addProject(project, auditRow("project.create", "p1"));
    assertEquals(await store.findProject("p1"), project);
    assertEquals((await store.readAccess()).projects, [project]);
    assertEquals(await store.findProject("p2"), undefined);
  });

  test("rejects a second project with the same name, without an audit entry", async (store) => {
    await store.addProject(projectRow("p1", { name: "home" }), auditRow("project.create", "p1"));
    const error = await assertRejects(
      () => store.addProject(projectRow("p2", { name: "home" }), auditRow("project.create", "p2")),
      StoreError,
    );
    assertEquals(error.kind, "taken");
    assertEquals((await store.listAudit(ALL)).items.map(({ subjectId }) => subjectId), ["p1"]);
  });

  test("changes a project only from its current version", async (store) => {
    await store.addProject(
      projectRow("p1", { keys: [{ endpoint: "a", sealed: Uint8Array.of(1), suffix: "" }] }),
      auditRow("project.create", "p1"),
    );
    const of = { id: "p1", version: 1 };
    const keys = [{ endpoint: "b", sealed: Uint8Array.of(2), suffix: "wxyz" }];
    const change = { name: "lab", active: false, rules: { maxRequests: 3 }, keys };
    assertEquals(
      await store.changeProject(of, change, auditRow("project.update", "p1", { at: AT + 5 })),
      true,
    );
    assertEquals(await store.changeProject(of, { name: "late" }, auditRow("project.update", "p1")), false);
    assertEquals(
      await store.findProject("p1"),
      projectRow("p1", { ...change, updatedAt: AT + 5, version: 2 }),
    );
    assertEquals((await store.listAudit(ALL)).items.length, 2, "what was not changed is no event");
  });

  test("reads a token as it was written, and changes it", async (store) => {
    await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    const token = tokenRow("t1", "p1", {
      expiresAt: AT + 1,
      revokedAt: AT + 2,
      lastUsedAt: AT + 3,
      requestCount: 4,
      previous: { hash: Uint8Array.of(9), expiresAt: AT + 6 },
      rules: { dayBudgetMicros: 7 },
    });
    await store.addToken(token, auditRow("token.create", "t1"));
    assertEquals(await store.findToken("t1"), token);
    const change = {
      name: "ben",
      active: false,
      revokedAt: undefined,
      expiresAt: undefined,
      previous: undefined,
      hash: Uint8Array.of(8),
      suffix: "zzzz",
      rules: {},
    };
    assert(await store.changeToken(token, change, auditRow("token.update", "t1", { at: AT + 9 })));
    assertEquals(await store.findToken("t1"), { ...token, ...change, updatedAt: AT + 9, version: 2 });
  });

  test("rejects a token without a project", async (store) => {
    await assertRejects(
      () => store.addToken(tokenRow("t1", "none"), auditRow("token.create", "t1")),
      StoreError,
    );
  });

  test("lists pages, newest first, with each item once", async (store) => {
    await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    await store.addProject(projectRow("p2"), auditRow("project.create", "p2"));
    const ids = Array.from({ length: 7 }, (_, index) => `t${index}`);
    for (const id of ids) {
      const state = id === "t3" ? { revokedAt: AT } : id === "t4" ? { active: false } : {};
      const token = tokenRow(id, id === "t6" ? "p2" : "p1", {
        ...state,
        expiresAt: id === "t5" ? AT : undefined,
      });
      await store.addToken(token, auditRow("token.create", id));
    }
    const listed = async (limit: number, projectId?: string, activeAt?: number) => {
      const seen: string[] = [];
      for (let before: number | undefined, more = true; more;) {
        const { items, next } = await store.listTokens({ limit, before, projectId, activeAt });
        assert(items.length <= limit);
        seen.push(...items.map(({ id }) => id));
        before = next;
        more = next !== undefined;
      }
      return seen.join(" ");
    };
    for (const limit of [1, 2, 7, 50]) {
      assertEquals(await listed(limit), "t6 t5 t4 t3 t2 t1 t0", String(limit));
    }
    assertEquals(await listed(2, "p1"), "t5 t4 t3 t2 t1 t0");
    assertEquals(await listed(2, "p1", AT), "t2 t1 t0", "neither revoked, inactive nor expired");
    assertEquals(await listed(2, "p1", AT - 1), "t5 t2 t1 t0");
    await store.changeProject({ id: "p2", version: 1 }, { active: false }, auditRow("project.update", "p2"));
    const active = await store.listProjects({ ...ALL, activeOnly: true });
    assertEquals(active.items.map(({ id }) => id), ["p1"]);
    assertEquals(
      (await store.listProjects({ limit: 1, before: undefined, activeOnly: false })).items[0]?.id,
      "p2",
    );
  });

  test("revokes all tokens of a project, and counts those that were revoked before", async (store) => {
    for (const id of ["p1", "p2"]) await store.addProject(projectRow(id), auditRow("project.create", id));
    await store.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1"));
    await store.addToken(tokenRow("t2", "p1", { revokedAt: AT - 5 }), auditRow("token.create", "t2"));
    await store.addToken(tokenRow("t3", "p2"), auditRow("token.create", "t3"));
    const audit = auditRow("project.revoke_tokens", "p1", { at: AT + 5 });
    assertEquals(await store.revokeTokens("p1", audit), { total: 2, before: 1 });
    const { tokens } = await store.readAccess();
    assertEquals(tokens.map(({ id, revokedAt }) => [id, revokedAt]), [
      ["t1", AT + 5],
      ["t2", AT - 5],
      ["t3", undefined],
    ]);
  });

  test("reads an exchange as it was written, with all members and with unknown ones", async (store) => {
    const full = exchangeRow({
      tokenId: "t1",
      projectId: "p1",
      cacheWriteTokens: 1,
      reasoningTokens: 2,
      audioTokens: 3,
      imageTokens: 4,
      stream: true,
      partial: true,
      requestBytes: 5_000_000_000,
      modelSent: "gpt-4o-sent",
    });
    const bare: ExchangeRow = exchangeRow({
      requestId: "req_2",
      firstByteMs: undefined,
      endpoint: undefined,
      provider: undefined,
      backend: undefined,
      stream: undefined,
      modelAsked: undefined,
      modelAnswered: undefined,
      stopReason: undefined,
      inputTokens: undefined,
      outputTokens: undefined,
      cachedTokens: undefined,
      costMicros: undefined,
      priceVersion: undefined,
      admitted: false,
      status: 404,
      ending: "not_found",
    });
    await store.addExchanges([full, bare]);
    const { items, next } = await store.listExchanges({
      ...ALL,
      ...NO_FILTER,
      status: undefined,
      ending: undefined,
      requestId: undefined,
    });
    assertEquals(items.map(({ id: _, ...row }) => row), [bare, full]);
    assertEquals(next, undefined);
  });

  test("filters exchanges", async (store) => {
    await store.addExchanges([
      distinctRow({ requestId: "a", tokenId: "t1", projectId: "p1" }),
      distinctRow({
        requestId: "b",
        startedAt: AT + HOUR,
        status: 429,
        ending: "rate_limited",
        endpoint: "groq",
      }),
      distinctRow({ requestId: "c", startedAt: AT + DAY, client: "curl", modelAnswered: undefined }),
    ]);
    const found = async (
      filter: Partial<UsageFilter> & { status?: number; ending?: string; requestId?: string },
    ) => {
      const { status, ending, requestId, ...rest } = filter;
      const page = { ...ALL, ...NO_FILTER, ...rest, status, ending, requestId };
      return (await store.listExchanges(page)).items.map(({ requestId }) => requestId).join("");
    };
    assertEquals(await found({}), "cba");
    assertEquals(await found({ from: AT + 1 }), "cb");
    assertEquals(await found({ to: AT + 1 }), "a");
    assertEquals(await found({ tokenId: "t1" }), "a");
    assertEquals(await found({ projectId: "p1" }), "a");
    assertEquals(await found({ endpoint: "groq" }), "b");
    assertEquals(await found({ client: "curl" }), "c");
    assertEquals(await found({ model: "gpt-4o" }), "c");
    assertEquals(await found({ status: 429 }), "b");
    assertEquals(await found({ ending: "complete" }), "ca");
    assertEquals(await found({ tokenId: "anna" }), "cb", "a token of the configuration, by its name");
    assertEquals([await found({ requestId: "b" }), await found({ requestId: "req_of_the_provider" })], [
      "b",
      "cba",
    ]);
  });

  test("a store without usage has no sums, also with a filter", async (store) => {
    await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    await store.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1"));
    for (const filter of [{}, { tokenId: "t1" }, { projectId: "p1", model: "m" }, { client: "c" }]) {
      for (const group of ["model", "day", "person"] as const) {
        assertEquals(await store.usage({ ...ALL_TOGETHER, group }, { ...NO_FILTER, ...filter }), []);
      }
    }
  });

  test("sums usage by every group, equally for one batch and for many", async (store) => {
    await store.addProject(projectRow("p1", { name: "home" }), auditRow("project.create", "p1"));
    await store.addToken(tokenRow("t1", "p1", { name: "anna" }), auditRow("token.create", "t1"));
    const managed = { tokenId: "t1", projectId: "p1" };
    const rows = [
      distinctRow({ ...managed }),
      distinctRow({ ...managed, startedAt: AT + HOUR, costMicros: undefined }),
      distinctRow({
        ...managed,
        startedAt: AT + DAY,
        status: 500,
        inputTokens: undefined,
        outputTokens: undefined,
        costMicros: undefined,
      }),
      distinctRow({
        principal: "ben",
        client: "curl",
        endpoint: "groq",
        modelAnswered: undefined,
        modelAsked: undefined,
      }),
      distinctRow({ principal: "ben", ending: "client_gone", status: 499, partial: true }),
    ];
    await store.addExchanges(rows.slice(0, 2));
    for (const row of rows.slice(2)) await store.addExchanges([row]);
    const sums = async (group: UsageGrouping["group"], filter: Partial<UsageFilter> = {}) =>
      (await store.usage({ ...ALL_TOGETHER, group }, { ...NO_FILTER, ...filter })).map((row) =>
        `${row.key}${
          row.name === undefined ? "" : `(${row.name})`
        } ${row.requests}/${row.errors} ${row.costMicros}+${row.unpriced}`
      );
    assertEquals(await sums(undefined), [" 5/1 675+1"]);
    assertEquals(await sums("model"), ["gpt-4o-2024-08-06 4/1 450+1", " 1/0 225+0"]);
    assertEquals(await sums("day"), ["2026-04-29 4/0 675+1", "2026-04-30 1/1 0+0"]);
    assertEquals(await sums("hour"), [
      "2026-04-29T10:00Z 3/0 675+0",
      "2026-04-29T11:00Z 1/0 0+1",
      "2026-04-30T10:00Z 1/1 0+0",
    ]);
    assertEquals(await sums("token"), ["ben 2/0 450+0", "t1(anna) 3/1 225+1"]);
    assertEquals(await sums("project"), [" 2/0 450+0", "p1(home) 3/1 225+1"]);
    assertEquals(await sums("endpoint"), ["openai 4/1 450+1", "groq 1/0 225+0"]);
    assertEquals(await sums("client"), ["openai-sdk 4/1 450+1", "curl 1/0 225+0"]);
    assertEquals(await sums(undefined, { from: AT + HOUR, to: AT + 2 * HOUR }), [" 1/0 0+1"]);
    assertEquals(await sums("client", { tokenId: "t1" }), ["openai-sdk 3/1 225+1"]);
    const [all] = await store.usage(ALL_TOGETHER, NO_FILTER);
    assertEquals([all?.inputTokens, all?.outputTokens, all?.cachedTokens, all?.bytes], [40, 80, 20, 3500]);
    assertEquals(
      (await store.usage(ALL_TOGETHER, { ...NO_FILTER, endpoint: "none" })).length,
      1,
      "nothing is a sum too",
    );
    assertEquals(
      (await store.usage({ ...ALL_TOGETHER, group: "model" }, { ...NO_FILTER, endpoint: "none" })).length,
      0,
    );
  });

  test("splits a group of usage by another one", async (store) => {
    await store.addProject(projectRow("p1", { name: "home" }), auditRow("project.create", "p1"));
    await store.addExchanges([
      distinctRow({ projectId: "p1", tokenId: "t1" }),
      distinctRow({ projectId: "p1", tokenId: "t1", startedAt: AT + DAY, costMicros: 1 }),
      distinctRow({ startedAt: AT + DAY }),
    ]);
    const rows = await store.usage({ ...ALL_TOGETHER, group: "day", split: "project" }, NO_FILTER);
    assertEquals(rows.map(({ key, split, requests }) => `${key} ${split?.key}(${split?.name}) ${requests}`), [
      "2026-04-29 p1(home) 1",
      "2026-04-30 (undefined) 1",
      "2026-04-30 p1(home) 1",
    ]);
    const two = await store.usage({ ...ALL_TOGETHER, group: "day", split: "project", limit: 2 }, NO_FILTER);
    assertEquals(two, rows.slice(0, 2));
  });

  test("ends days at the midnight of a time zone, also when its clocks change", async (store) => {
    const at = (text: string) => distinctRow({ startedAt: Date.parse(text) });
    await store.addExchanges([
      at("2026-03-27T22:30Z"),
      at("2026-03-27T23:30Z"),
      // Summer time begins in Berlin on 29 March, at 01:00 UTC.
      at("2026-03-28T22:30Z"),
      at("2026-03-29T21:30Z"),
      at("2026-03-29T22:30Z"),
    ]);
    const days = async (timeZone: string | undefined) =>
      (await store.usage({ ...ALL_TOGETHER, group: "day", timeZone }, NO_FILTER))
        .map(({ key, requests }) => `${key} ${requests}`);
    assertEquals(await days("Europe/Berlin"), [
      "2026-03-27 1",
      "2026-03-28 2",
      "2026-03-29 1",
      "2026-03-30 1",
    ]);
    assertEquals(await days("Asia/Kolkata"), ["2026-03-28 2", "2026-03-29 1", "2026-03-30 2"]);
    assertEquals(await days("America/New_York"), ["2026-03-27 2", "2026-03-28 1", "2026-03-29 2"]);
    assertEquals(await days(undefined), ["2026-03-27 2", "2026-03-28 1", "2026-03-29 2"]);
  });

  test("gives the median and the 95th percentile of times to the first byte, also after pruning", async (store) => {
    const times = Array.from({ length: 100 }, (_, index) => 10 * (index + 1));
    await store.addExchanges(times.map((firstByteMs) => distinctRow({ firstByteMs })));
    await store.addExchanges([
      ...Array.from({ length: 30 }, () => distinctRow({ firstByteMs: 90_000, status: 500 })),
      distinctRow({ firstByteMs: undefined, status: 502, ending: "bad_gateway", endpoint: "none" }),
    ]);
    const read = async (filter: Partial<UsageFilter> = {}) =>
      (await store.usage(ALL_TOGETHER, { ...NO_FILTER, ...filter }))[0]?.firstByteMs;
    const isNear = (found: number | undefined, wanted: number) =>
      assert(Math.abs((found ?? 0) / wanted - 1) < 0.05, `${found} is not near ${wanted}`);
    isNear((await read())?.median, 500);
    isNear((await read())?.p95, 950);
    assertEquals(await read({ endpoint: "none" }), undefined);
    const before = await read();
    await store.prune({ exchangesBefore: AT + 2 * DAY, hoursBefore: AT + 2 * DAY });
    assertEquals(await read(), before);
    const [model] = await store.usage({ ...ALL_TOGETHER, group: "model" }, NO_FILTER);
    assertEquals(model?.firstByteMs, before);
  });

  test("rolls up times to the first byte to days, and counts each once", async (store) => {
    const midnight = AT - AT % DAY;
    await store.addExchanges([
      ...Array.from({ length: 10 }, () => distinctRow({ startedAt: midnight, firstByteMs: 10 })),
      ...Array.from({ length: 9 }, () => distinctRow({ startedAt: midnight + 5 * HOUR, firstByteMs: 1_000 })),
    ]);
    const before = (await store.usage(ALL_TOGETHER, NO_FILTER))[0]?.firstByteMs;
    await store.prune({ exchangesBefore: AT + 2 * DAY, hoursBefore: AT + 2 * DAY });
    assertEquals((await store.usage(ALL_TOGETHER, NO_FILTER))[0]?.firstByteMs, before);
  });

  test("keeps each attempt of an exchange", async (store) => {
    const estimated = { inputTokens: 3, outputTokens: 0, costMicros: 4 };
    const attemptLog = [{ backend: "a", afterMs: 1.5, detail: "it answered 503", estimated }, {
      backend: "b",
      afterMs: 20,
      detail: undefined,
    }];
    await store.addExchanges([distinctRow({ attempts: 2, attemptLog })]);
    const { items } = await store.listExchanges({
      ...ALL,
      ...NO_FILTER,
      status: undefined,
      ending: undefined,
      requestId: undefined,
    });
    assertEquals(items[0]?.attemptLog, attemptLog);
  });

  test("counts the requests of tokens, and keeps the time of the last one", async (store) => {
    await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    await store.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1"));
    await store.addExchanges([
      distinctRow({ tokenId: "t1", startedAt: AT + 50 }),
      distinctRow({ tokenId: "t1", startedAt: AT + 20 }),
      distinctRow({ tokenId: "t1", startedAt: AT + 30, admitted: false }),
    ]);
    const token = await store.findToken("t1");
    assertEquals([token?.requestCount, token?.lastUsedAt, token?.version], [2, AT + 50, 1]);
  });

  test("reads spending by token, project, token of the configuration and rule for models", async (store) => {
    const row = (startedAt: number, more: Partial<ExchangeRow>) =>
      distinctRow({ startedAt, costMicros: 10, ...more });
    const hour = AT - AT % HOUR;
    const booking = (modelRules: string[], more: Partial<Booking> = {}): Booking => (
      { hour: hour + HOUR, isDated: true, modelRules, ...more }
    );
    await store.addExchanges([
      row(AT, { tokenId: "t1", projectId: "p1", booking: booking(["token:t1 gpt-*", "project:p1 *"]) }),
      row(AT, { tokenId: "t1", projectId: "p1", booking: booking([]) }),
      row(AT, { tokenId: "t1", projectId: "p1", booking: booking([], { isDated: false }) }),
      row(AT - 2 * DAY, { tokenId: "t1", projectId: "p1" }),
      row(AT - 60 * DAY, { tokenId: "t2", projectId: "p1", admitted: false }),
      row(AT, { principal: "shared" }),
      row(AT, { principal: "shared", costMicros: undefined }),
    ]);
    const shown = async (keys?: ReadonlySet<string>) =>
      (await store.readSpending({ until: AT, lastMs: 3 * DAY, ...(keys && { keys }) })).map(
        ({ key, requests, totalMicros, hours }) =>
          `${key}: ${requests} requests, ${totalMicros}; ` +
          hours.map(({ start, micros, isDated }) =>
            `${(start - hour) / HOUR}: ${micros}${isDated ? "" : "?"}`
          ).sort().join(", "),
      ).sort();
    assertEquals(await shown(), [
      "project:p1 *: 0 requests, 10; 1: 10",
      "project:p1: 4 requests, 50; -48: 10, 1: 10?, 1: 20",
      "shared:shared: 2 requests, 10; 0: 10",
      "token:t1 gpt-*: 0 requests, 10; 1: 10",
      "token:t1: 4 requests, 40; -48: 10, 1: 10?, 1: 20",
      "token:t2: 0 requests, 10; ",
    ]);
    assertEquals(await shown(new Set(["token:t1", "project:p1", `a "name"`])), [
      "project:p1: 4 requests, 50; -48: 10, 1: 10?, 1: 20",
      "token:t1: 4 requests, 40; -48: 10, 1: 10?, 1: 20",
    ]);
    assertEquals(await shown(new Set(["a\0\ud800", "shared:shared"])), [
      "shared:shared: 2 requests, 10; 0: 10",
    ]);
    assertEquals(await shown(new Set()), []);
    await store.dateSpending(hour);
    assertEquals(await shown(), [
      "project:p1 *: 0 requests, 10; 0: 10",
      "project:p1: 4 requests, 50; -48: 10, 0: 30",
      "shared:shared: 2 requests, 10; 0: 10",
      "token:t1 gpt-*: 0 requests, 10; 0: 10",
      "token:t1: 4 requests, 40; -48: 10, 0: 30",
      "token:t2: 0 requests, 10; ",
    ]);
    await store.prune({ exchangesBefore: AT - DAY, hoursBefore: AT - DAY });
    assertEquals((await shown())[1], "project:p1: 4 requests, 50; -58: 10, 0: 30", "by the day: AT is 10:30");
  });

  test("keeps the spending of past months by the month, and budgets still have its sum", async (store) => {
    const [february, march] = [Date.UTC(2026, 1), Date.UTC(2026, 2)];
    const row = (startedAt: number) => distinctRow({ startedAt, costMicros: 10, tokenId: "t1" });
    const starts = [february, february + 5 * HOUR, march - 1, march, march + 40 * HOUR, AT];
    await store.addExchanges(starts.map(row));
    const shown = async () =>
      (await store.readSpending({ until: AT, lastMs: 90 * DAY })).map(({ key, totalMicros, hours }) =>
        `${key} ${totalMicros}: ` +
        hours.map(({ start, micros }) => `${new Date(start).toISOString().slice(5, 13)} ${micros}`).sort()
          .join(", ")
      );
    const limits = { exchangesBefore: 0, hoursBefore: 0, spendingBefore: march + 3 * DAY };
    for (const when of ["once", "twice"]) {
      await store.prune(limits);
      assertEquals(
        await shown(),
        ["token:t1 60: 02-01T00 30, 03-01T00 10, 03-02T00 10, 04-29T10 10"],
        when,
      );
    }
    await store.addExchanges([row(february + DAY), row(march + DAY)]);
    await store.prune({ ...limits, spendingBefore: Date.UTC(2026, 3) });
    assertEquals(await shown(), ["token:t1 80: 02-01T00 40, 03-01T00 30, 04-29T10 10"], "later ones join it");
    const [early, late] = [march - 300 * DAY, march - 200 * DAY];
    await store.addExchanges([early, late].map((day) => row(day + 5 * HOUR)));
    const days = async () =>
      (await store.readSpending({ until: AT, lastMs: 400 * DAY }))
        .flatMap(({ hours }) => hours.map(({ start }) => new Date(start).toISOString().slice(0, 13)))
        .filter((day) => day < "2026");
    await store.prune(limits);
    assertEquals((await days()).sort(), ["2025-05-01T00", "2025-08-13T05"], "the oldest first");
    await store.prune(limits);
    assertEquals((await days()).sort(), ["2025-05-01T00", "2025-08-01T00"], "much of it in several steps");
  });

  test("sums of any period are those of its hours, with every filter", async (store) => {
    const { below } = random(5);
    const start = AT - AT % DAY - 5 * DAY;
    await store.addExchanges(Array.from({ length: 400 }, (_, index) =>
      distinctRow({
        startedAt: start + below(6 * DAY),
        firstByteMs: 1 + below(5_000),
        tokenId: `t${index % 3}`,
        projectId: "p1",
        modelAnswered: `m${below(3)}`,
        endpoint: `e${below(2)}`,
        costMicros: below(1_000),
      })));
    const periods: Partial<UsageFilter>[] = [{}];
    for (let round = 0; round < 60; round++) {
      const from = start - DAY / 2 + below(7 * DAY);
      const to = from + 1 + below(below(2) === 0 ? 2 * HOUR : 4 * DAY);
      periods.push({ from, to }, { from }, { to }, { from: from - from % DAY, to: to - to % DAY + DAY });
    }
    for (const [index, period] of periods.entries()) {
      const filter = {
        ...NO_FILTER,
        ...period,
        ...[{}, { tokenId: "t1" }, { model: "m2", endpoint: "e0" }][index % 3],
      };
      const sums = (rows: readonly UsageRow[], keyOf: (row: UsageRow) => string) => {
        const all = new Map<string, [number, number]>();
        for (const row of rows) {
          const [requests, cost] = all.get(keyOf(row)) ?? [0, 0];
          all.set(keyOf(row), [requests + row.requests, cost + row.costMicros]);
        }
        return [...all].sort();
      };
      const whole = await store.usage({ ...ALL_TOGETHER, group: "model" }, filter);
      const byHour = await store.usage({ ...ALL_TOGETHER, group: "hour", split: "model" }, filter);
      assertEquals(
        sums(whole, ({ key }) => key),
        sums(byHour, ({ split }) => split?.key ?? ""),
        JSON.stringify(filter),
      );
    }
    for (let day = start; day < start + 6 * DAY; day += DAY) {
      for (const more of [{}, { tokenId: "t1" }]) {
        const filter = { ...NO_FILTER, ...more, from: day, to: day + DAY };
        const [byDay] = await store.usage({ ...ALL_TOGETHER, group: "day" }, filter);
        const [whole] = await store.usage(ALL_TOGETHER, filter);
        assert(byDay?.firstByteMs !== undefined);
        assertEquals(byDay.firstByteMs, whole?.firstByteMs);
      }
    }
  });

  test("sums of closed days and months are those of before, in every time zone, and late exchanges count", async (store) => {
    const { below } = random(6);
    // The others are names of the configuration and tokens that were deleted.
    for (const id of ["p0", "p1"]) {
      await store.addProject(projectRow(id), auditRow("project.create", id));
    }
    await store.addToken(tokenRow("t1", "p1", { ownerId: "eve" }), auditRow("token.create", "t1"));
    await store.addToken(tokenRow("t2", "p0", { ownerId: "ben" }), auditRow("token.create", "t2"));
    await store.touchAccount({ tokenId: "t3", name: "Dora", ownerId: "dora" });
    await store.addToken(tokenRow("t4", "p0", { ownerId: "eve" }), auditRow("token.create", "t4"));
    await store.addToken(tokenRow("t5", "p1", { ownerId: "fay" }), auditRow("token.create", "t5"));
    // A token of somebody who is no person gets another version, because it is not active.
    assert(await store.deleteToken({ id: "t5", version: 2 }, auditRow("token.delete", "t5")));
    const start = Date.UTC(2026, 1, 26);
    const days = 40;
    const add = (count: number) =>
      store.addExchanges(Array.from({ length: count }, () => {
        const token = below(6);
        return distinctRow({
          startedAt: start + below(days) * DAY + below(24) * HOUR,
          firstByteMs: below(9) === 0 ? undefined : 1 + below(5_000),
          ...token === 0
            ? { principal: "anna", tokenId: undefined, projectId: undefined }
            : { tokenId: `t${token}`, projectId: `p${token % 2}` },
          modelAnswered: `m${below(3)}`,
          endpoint: `e${below(2)}`,
          client: `c${below(2)}`,
          status: below(10) === 0 ? 500 : 200,
          costMicros: below(1_000),
        });
      }));
    const end = start + days * DAY;
    const periods: Partial<UsageFilter>[] = [
      {},
      { from: start + DAY, to: end - DAY },
      { from: start + 30 * HOUR + 1, to: end - 50 * HOUR + 1 },
      { from: Date.UTC(2026, 2), to: Date.UTC(2026, 3) },
    ];
    const filters: Partial<UsageFilter>[] = [
      {},
      { projectId: "p1" },
      { tokenId: "anna" },
      { tokenId: "t1" },
      { model: "m1" },
      { client: "c1", endpoint: "e0" },
      { endpoint: "e1" },
      { personId: "ben" },
      { within: { kind: "own", owner: "dora", projects: "all" } },
      { within: { kind: "own", owner: "eve", projects: "all" }, model: "m1" },
      { within: { kind: "own", owner: "eve", projects: "all" }, tokenId: "t2" },
      { within: { kind: "own", owner: "eve", projects: ["p1"] }, personId: "eve" },
      { within: { kind: "own", owner: "fay", projects: "all" }, endpoint: "e1" },
      { within: { kind: "own", owner: "nobody", projects: "all" }, client: "c1" },
      { within: { kind: "projects", projects: ["p0", "p1"] } },
    ];
    const zones = [undefined, "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland"];
    const groupings: readonly (readonly [UsageGrouping["group"], UsageGrouping["split"]])[] = [
      ...([undefined, ...USAGE_GROUPS] as const).map((group) => [group, undefined] as const),
      ["day", "model"],
      ["hour", "project"],
      ["project", "model"],
      ["token", "day"],
      ["client", "endpoint"],
      ["day", "client"],
      ["hour", "endpoint"],
      ["day", "person"],
    ];
    const all = async () => {
      const found = new Map<string, unknown>();
      let count = 0;
      for (const period of periods) {
        for (const filter of filters) {
          for (const [group, split] of groupings) {
            if (++count % every !== 0) continue;
            const timeZone = zones[count % zones.length];
            const rows = await store.usage({ group, split, timeZone }, {
              ...NO_FILTER,
              ...period,
              ...filter,
            });
            const name = `${group} ${split} ${timeZone} ${JSON.stringify({ ...period, ...filter })}`;
            found.set(name, rows.map((row) => ({ ...row, durationMs: Math.round(row.durationMs) })));
          }
        }
      }
      return found;
    };
    const requests = async () => (await store.usage(ALL_TOGETHER, NO_FILTER))[0]?.requests;
    const close = () => store.prune({ exchangesBefore: 0, hoursBefore: 0 });
    const daysOfHours = zones.map((timeZone) => {
      const format = new Intl.DateTimeFormat("en-CA", { timeZone: timeZone ?? "UTC", dateStyle: "short" });
      const found = new Map<string, string>();
      const dayOf = (hour: string): string => {
        const day = found.get(hour) ?? format.format(Date.parse(hour));
        found.set(hour, day);
        return day;
      };
      return { timeZone, dayOf };
    });
    /** Days of a time zone have the hours that begin in them. */
    const checkDays = async () => {
      for (const filter of filters) {
        const hours = await store.usage({ ...ALL_TOGETHER, group: "hour" }, { ...NO_FILTER, ...filter });
        for (const { timeZone, dayOf } of daysOfHours) {
          const expected = new Map<string, number>();
          for (const { key, costMicros } of hours) {
            const day = dayOf(key);
            expected.set(day, (expected.get(day) ?? 0) + costMicros);
          }
          const found = await store.usage(
            { ...ALL_TOGETHER, group: "day", timeZone },
            { ...NO_FILTER, ...filter },
          );
          assertEquals(found.map(({ key, costMicros }) => [key, costMicros]), [...expected], timeZone);
        }
      }
    };
    await add(800);
    await checkDays();
    const ofProjects = async (projects: readonly string[]) =>
      (await store.usage(ALL_TOGETHER, { ...NO_FILTER, within: { kind: "projects", projects } }))[0]
        ?.requests;
    const many = Array.from({ length: 600 }, (_, index) => `p${index}`);
    assertEquals(await ofProjects([]), 0);
    assertEquals(
      [await ofProjects(["p0", "p1"]), await ofProjects(many)],
      Array(2).fill((await ofProjects(["p0"]) ?? 0) + (await ofProjects(["p1"]) ?? 0)),
    );
    /** Which tokens an owner has, and the requests of each with a model. */
    const checkOwners = async () => {
      const every = await store.usage({ ...ALL_TOGETHER, group: "token", split: "model" }, NO_FILTER);
      for (
        const [owner, tokens] of [["eve", ["t1", "t4"]], ["fay", ["t5"]], ["dora", ["t3"]], [
          "x",
          [],
        ]] as const
      ) {
        const filter: UsageFilter = {
          ...NO_FILTER,
          model: "m1",
          within: { kind: "own", owner, projects: "all" },
        };
        const own = await store.usage({ ...ALL_TOGETHER, group: "token" }, filter);
        assertEquals(
          own.map(({ key, requests }) => [key, requests]).sort(),
          every.filter(({ key, split }) => tokens.some((id) => id === key) && split?.key === "m1")
            .map(({ key, requests }) => [key, requests]).sort(),
          owner,
        );
      }
    };
    const ofOthers = { within: { kind: "own", owner: "eve", projects: "all" }, tokenId: "t2" } as const;
    assertEquals((await store.usage(ALL_TOGETHER, { ...NO_FILTER, ...ofOthers }))[0]?.requests, 0);
    await checkOwners();
    const before = await all();
    await close();
    await checkDays();
    await checkOwners();
    assertEquals(await all(), before, "closed");
    await add(30);
    assertEquals(await requests(), 830, "late exchanges");
    let late = await all();
    await close();
    assertEquals(await all(), late, "closed again");
    const byPerson = async () =>
      (await store.usage({ ...ALL_TOGETHER, group: "person" }, NO_FILTER)).map(({ key, requests }) =>
        [key, requests] as const
      ).sort();
    const [none, ben = ["", 0], dora = ["", 0], ...others] = await byPerson();
    assertEquals([ben[0], dora[0]], ["ben", "dora"]);
    await store.touchAccount({ tokenId: "t3", name: "Dora", ownerId: "ben" });
    assertEquals(await byPerson(), [none, ["ben", ben[1] + dora[1]], ...others], "another owner");
    late = await all();
    await close();
    assertEquals(await all(), late, "closed after another owner");
    // Hours are rolled up to days, so days begin at the midnight of UTC.
    await store.prune({ exchangesBefore: 0, hoursBefore: start + 20 * DAY });
    const rolledUp = await all();
    assertEquals(await requests(), 830, "rolled up");
    for (const [name, rows] of late) {
      if (/^(?:hour|day|\w+ day)|:\d+1\b/.test(name)) continue;
      assertEquals(rolledUp.get(name), rows, name);
    }
    assertEquals(
      (await store.usage({ ...ALL_TOGETHER, group: "hour" }, { ...NO_FILTER, to: start + 20 * DAY }))
        .map(({ key }) => key.slice(10)),
      Array.from({ length: 20 }, () => "T00:00Z"),
    );
  });

  test("prunes exchanges, and keeps their sums by the day", async (store) => {
    await store.addExchanges([
      distinctRow({ startedAt: AT - 3 * DAY }),
      distinctRow({ startedAt: AT - 3 * DAY + 2 * HOUR }),
      distinctRow({ startedAt: AT }),
    ]);
    const sums = async () =>
      (await store.usage({ ...ALL_TOGETHER, group: "day" }, NO_FILTER)).map((
        { key, requests },
      ) => [key, requests]);
    const before = await sums();
    assertEquals(await store.prune({ exchangesBefore: AT - DAY, hoursBefore: AT - DAY }), 2);
    assertEquals(await sums(), before);
    assertEquals(
      (await store.usage({ ...ALL_TOGETHER, group: "hour" }, NO_FILTER)).map((
        { key, requests },
      ) => [key, requests]),
      [
        ["2026-04-26T00:00Z", 2],
        ["2026-04-29T10:00Z", 1],
      ],
    );
    assertEquals(await store.prune({ exchangesBefore: AT - DAY, hoursBefore: AT - DAY }), 0);
    assertEquals(await sums(), before, "twice is once");
  });

  test("sees changes of another program until they are read, and none in usage", async (store, bench) => {
    const other = await bench.open();
    const start = await store.readAccess();
    const same = await other.readAccess();
    if (bench.isNotified === true) {
      // A store that is not notified yet may miss a change.
      await until(() => !store.hasAccessChanged(start.position), "notifications of the first store");
      await until(() => !other.hasAccessChanged(same.position), "notifications of the second store");
    }
    assertEquals([store.hasAccessChanged(start.position), other.hasAccessChanged(same.position)], [
      false,
      false,
    ]);
    await other.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    if (bench.isNotified === true) {
      await until(() => store.hasAccessChanged(start.position), "a notification");
    } else assertEquals(store.hasAccessChanged(start.position), true);
    assertEquals(store.hasAccessChanged(start.position), true, "until it is read");
    for (const one of [store, other]) {
      const { position, projects } = await one.readAccess();
      assertEquals([projects.length, one.hasAccessChanged(position)], [1, false]);
    }
    const { position } = await store.readAccess();
    await other.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1"));
    const after = await store.readAccessChanges(position);
    assert(after !== undefined);
    assertEquals(store.hasAccessChanged(after.position), false);
    await other.addExchanges([distinctRow({ tokenId: "t1", projectId: "p1" })]);
    await other.writeNote("a", "1");
    assertEquals(store.hasAccessChanged(after.position), false);
    await other.close();
  });

  test("reads only the projects and tokens that changed after a position", async (store) => {
    let { position } = await store.readAccess();
    const changed = async () => {
      const changes = await store.readAccessChanges(position);
      assert(changes !== undefined);
      position = changes.position;
      const { projects, tokens, deletedProjects, deletedTokens } = changes;
      return [projects, tokens, deletedProjects, deletedTokens];
    };
    assertEquals(await changed(), [[], [], [], []]);
    const project = projectRow("p1", {
      keys: [{ endpoint: "openai", sealed: Uint8Array.of(1), suffix: "abcd" }],
    });
    await store.addProject(project, auditRow("project.create", "p1"));
    const token = tokenRow("t1", "p1");
    for (const one of [token, tokenRow("t2", "p1")]) {
      await store.addToken(one, auditRow("token.create", one.id));
    }
    assertEquals((await changed()).map((rows) => rows.length), [1, 2, 0, 0]);
    await store.changeToken(token, { revokedAt: AT }, auditRow("token.revoke", "t1"));
    const revoked = await store.findToken("t1");
    assert(revoked?.revokedAt === AT);
    assertEquals(await changed(), [[], [revoked], [], []]);
    await store.addExchanges([distinctRow({ tokenId: "t2", projectId: "p1" })]);
    assertEquals(await changed(), [[], [], [], []], "the counts of requests are no change");
    const keys = [{ endpoint: "anthropic", sealed: Uint8Array.of(2), suffix: "efgh" }];
    await store.changeProject(project, { keys }, auditRow("project.update", "p1", { at: AT + 1 }));
    assertEquals(await changed(), [[{ ...project, keys, version: 2, updatedAt: AT + 1 }], [], [], []]);
    await store.revokeTokens("p1", auditRow("project.revoke", "p1"));
    assertEquals((await changed())[1]?.length, 1, "t1 was revoked before");
    await store.deleteToken({ id: "t1", version: 2 }, auditRow("token.delete", "t1"));
    assertEquals(await changed(), [[], [], [], ["t1"]]);
    await store.deleteProject({ id: "p1", version: 2 }, auditRow("project.delete", "p1"));
    assertEquals(await changed(), [[], [], ["p1"], ["t2"]]);
  });

  test("reads everything where old changes were deleted", async (store, bench) => {
    const { position } = await store.readAccess();
    await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    await store.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1"));
    let version = 1;
    const change = async (times: number) => {
      for (const end = version + times; version < end; version++) {
        await store.changeToken(
          { id: "t1", version },
          { name: `n${version}` },
          auditRow("token.update", "t1"),
        );
      }
    };
    await change(10);
    const early = (await store.readAccess()).position;
    await change((bench.keptChanges ?? 10_000) + 50);
    await store.prune({ exchangesBefore: 0, hoursBefore: 0 });
    assertEquals(await store.readAccessChanges(position), undefined);
    assertEquals(await store.readAccessChanges(early), undefined);
    const last = (await store.readAccess()).position;
    assertEquals((await store.readAccessChanges(last))?.tokens, []);
    assertEquals((await store.readAccessChanges(last - 5))?.tokens.map(({ id }) => id), ["t1"]);
    assertEquals(await store.readAccessChanges(last + 5), undefined, "the position of another database");
  });

  test("knows which names the tokens of a project use, but for revoked ones", async (store) => {
    await store.addProject(projectRow("p1"), auditRow("project.create", "p1"));
    await store.addToken(tokenRow("t1", "p1", { name: "a" }), auditRow("token.create", "t1"));
    await store.addToken(tokenRow("t2", "p1", { name: "b", revokedAt: AT }), auditRow("token.create", "t2"));
    const used = (of: string, ...names: string[]) =>
      Promise.all(names.map((name) => store.isTokenNameUsed(of, name)));
    assertEquals(await used("p1", "a", "b", "c"), [true, false, false]);
    assertEquals(await used("p2", "a"), [false]);
  });

  test("reads rules as they were written, also rules for paths", async (store) => {
    const rules = { maxRequests: 3, models: ["gpt-*"], paths: ["/v1/Models", "!/v1/files*"] };
    await store.addProject(projectRow("p1", { rules }), auditRow("project.create", "p1"));
    await store.addToken(tokenRow("t1", "p1", { rules: { paths: [] } }), auditRow("token.create", "t1"));
    assertEquals((await store.findProject("p1"))?.rules, rules);
    const { tokens } = await store.readAccess();
    assertEquals(tokens.map((token) => token.rules), [{ paths: [] }]);
  });

  test("keeps the last note of a name", async (store) => {
    assertEquals(await store.readNote("a"), undefined);
    await store.writeNote("a", "1");
    await store.writeNote("a", "2");
    assertEquals(await store.readNote("a"), "2");
    assert(await store.size() > 0);
  });

  test("keeps the pages of costs with their exchanges, for as long as spending by the hour", async (store) => {
    await store.writeNote("unrelated", "1");
    const rows = () => PackedExchanges.of([distinctRow({ tokenId: "t1", projectId: "p1" })]);
    await store.addPackedExchanges(rows(), costNote("a", 1, AT));
    await store.addPackedExchanges(rows(), costNote("b", 7, AT + DAY));
    await store.addPackedExchanges(rows(), costNote("b", 8, AT + DAY));
    const pages = async () => pagesOf(await store.readNotes(COSTS_PREFIX));
    assertEquals(await pages(), { a: 1, b: 8 });
    // What the database rejects, it rejects with its page.
    const bad = distinctRow({ tokenId: "t1", projectId: "p1", status: 1.5 });
    await assertRejects(
      () => store.addPackedExchanges(PackedExchanges.of([bad]), costNote("a", 2, AT)),
      StoreError,
    );
    assertEquals(await pages(), { a: 1, b: 8 });
    await store.prune({ exchangesBefore: 0, hoursBefore: AT + 1 });
    assertEquals(await pages(), { b: 8 });
    assertEquals(await store.readNote("unrelated"), "1");
  });

  test("one of several programs claims a task, until its time is over", async (store, bench) => {
    const other = await bench.open();
    const claims = await Promise.all(
      [store, other, store, other].map((one) => one.claimTask("sweep", 3_600_000)),
    );
    assertEquals(claims.filter((isOurs) => isOurs).length, 1);
    assertEquals(await other.claimTask("sweep", 3_600_000), false);
    assertEquals(await other.claimTask("another", 3_600_000), true);
    assertEquals(await store.claimTask("sweep", 0), true);
    assertEquals(await other.claimTask("sweep", 3_600_000), false);
    await other.close();
  });

  test("a claim that a clock made in the future does not hold", async (store) => {
    await store.writeNote("task sweep", String(Date.now() + 10 * DAY));
    assertEquals(await store.claimTask("sweep", 3_600_000), true);
    assertEquals(await store.claimTask("sweep", 3_600_000), false);
  });

  test(
    "knows the programs on the database, and leaves out those that have not written for long",
    async (store, bench) => {
      const other = await bench.open();
      await store.announceReplica("b", "1.0 first", 60_000);
      await other.announceReplica("a", "1.0 other", 60_000);
      await store.writeNote("replica old", `${Date.now() - 100_000} 0.9 gone`);
      await store.writeNote("unrelated", "1");
      const seen = await store.announceReplica("b", "1.0 second", 60_000);
      assertEquals(seen.map(({ id, text }) => `${id}: ${text}`), ["a: 1.0 other", "b: 1.0 second"]);
      assert(seen.every(({ ageMs }) => ageMs >= 0 && ageMs < 30_000), JSON.stringify(seen));
      assertEquals(await store.readNote("replica old"), undefined, "it is removed");
      assertEquals(await store.readNote("unrelated"), "1");
      await other.removeReplica("a");
      const left = await store.announceReplica("b", "1.0 third", 60_000);
      assertEquals(left.map(({ id }) => id), ["b"]);
      await other.close();
    },
  );

  test("lists audit entries of changes, newest first", async (store) => {
    await store.addProject(
      projectRow("p1"),
      auditRow("project.create", "p1", { changes: { name: "home", limits: { a: 1 } } }),
    );
    await store.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1", { source: "::1" }));
    const first = await store.listAudit({ limit: 1, before: undefined });
    assertEquals(first.items.map(({ action, source }) => [action, source]), [["token.create", "::1"]]);
    const { items } = await store.listAudit({ limit: 1, before: first.next });
    assertEquals(items[0]?.changes, { name: "home", limits: { a: 1 } });
  });

  test("keeps audit entries without a change, and prunes only rejected attempts", async (store) => {
    await store.addAudit(auditRow("admin.sign_in", "admin page", { at: AT }));
    await store.addAudit(auditRow("access.refused", "management plane", { at: AT, changes: { n: 3 } }));
    await store.addAudit(auditRow("access.refused", "management plane", { at: AT + DAY, changes: { n: 5 } }));
    const entries = async () =>
      (await store.listAudit(ALL)).items.map(({ action, at, changes }) => [action, at, changes]);
    const [newest, older, oldest] = [
      ["access.refused", AT + DAY, { n: 5 }],
      ["access.refused", AT, { n: 3 }],
      ["admin.sign_in", AT, {}],
    ];
    assertEquals(await entries(), [newest, older, oldest]);
    await store.prune({ exchangesBefore: AT + 1, hoursBefore: AT });
    assertEquals(await entries(), [newest, oldest]);
  });

  test("keeps what clients received of an object until it is settled, and finds it by the account at the provider", async (store) => {
    const providerAccount = "https://api.test 12345678";
    const object = awaitedObject({ providerAccount });
    await store.addObject(object);
    await store.setResultsId(object, "file-1");
    const received = async () => (await store.findObject(object))?.receivedBytes;
    await store.raiseReceivedBytes({ endpoint: "second", id: object.id, providerAccount }, 100);
    assertEquals(await received(), 100);
    await store.raiseReceivedBytes(object, 50);
    assertEquals(await received(), 100);
    await store.raiseReceivedBytes({ endpoint: "openai", id: "resp_2" }, 50);
    for (const id of [object.id, "file-1"]) {
      assertEquals((await store.findObject({ endpoint: "second", id, providerAccount }))?.endpoint, "openai");
      assertEquals(await store.findObject({ endpoint: "second", id }), undefined);
      assertEquals(
        await store.findObject({ endpoint: "second", id, providerAccount: "https://api.test 87654321" }),
        undefined,
      );
    }
    // An object of the endpoint comes before one of the same provider.
    await store.addObject(awaitedObject({ endpoint: "second", providerAccount }));
    assertEquals(
      (await store.findObject({ endpoint: "second", id: object.id, providerAccount }))?.endpoint,
      "second",
    );
    await store.settleObject(object, { at: AT + 1, micros: 0, rows: [] });
    await store.raiseReceivedBytes(object, 500);
    assertEquals(await received(), 100);
  });

  test("objects: adds an object once, and finds it by its id and by the id of its results until it is settled", async (store) => {
    const object = awaitedObject({ kind: "batch", modelRules: ["token:tok_1 gpt-*"], tier: "flex" });
    assertEquals(await store.addObject(object), true);
    assertEquals(await store.addObject(awaitedObject({ requestId: "req_2" })), false);
    assertEquals(await store.addObject(awaitedObject({ endpoint: "other" })), true);
    await store.setResultsId(object, "file-1");
    await store.setResultsId(object, "file-2");
    const named = { ...object, resultsId: "file-1", settled: undefined };
    assertEquals(await store.findObject({ endpoint: "openai", id: "file-1" }), named);
    assertEquals(await store.findObject({ endpoint: "openai", id: "resp_1" }), named);
    assertEquals(await store.findObject({ endpoint: "openai", id: "file-2" }), undefined);
    assertEquals((await store.listUnsettledObjects()).map(({ endpoint }) => endpoint).sort(), [
      "openai",
      "other",
    ]);
    const settled = { at: AT + 10, micros: 225, rows: [distinctRow({ settlement: "settled" })] };
    assertEquals(await store.settleObject(object, settled), true);
    assertEquals((await store.listUnsettledObjects()).map(({ endpoint }) => endpoint), ["other"]);
    assertEquals(await store.findObject(object), { ...named, settled: { at: AT + 10, micros: 225 } });
    const { objects, at } = await store.listChangedObjects();
    const shown = objects.map(({ endpoint, settled }) => [endpoint, settled?.micros]);
    assertEquals(shown.sort(), [["openai", 225], ["other", undefined]]);
    assertEquals((await store.listChangedObjects(at)).objects, objects, "again, for a while");
    assertEquals((await store.listChangedObjects(at + DAY)).objects, objects, "the clock was set back");
  });

  test(
    "objects: settles an object once, and writes its usage, which is not a request",
    async (store, bench) => {
      await store.addProject(projectRow("prj_1"), auditRow("project.create", "prj_1"));
      await store.addToken(tokenRow("tok_1", "prj_1"), auditRow("token.create", "tok_1"));
      const object = awaitedObject();
      await store.addObject(object);
      const maker = { tokenId: "tok_1", projectId: "prj_1" } as const;
      await store.addExchanges([exchangeRow({ ...maker, settlement: "awaited", ...NOTHING_USED })]);
      const rows = [exchangeRow({ ...maker, settlement: "settled", startedAt: AT + HOUR, admitted: false })];
      const other = await bench.open();
      const results = await Promise.all(
        [store, other, store, other].map((one) =>
          one.settleObject(object, { at: AT + 10, micros: 225, rows })
        ),
      );
      await other.close();
      assertEquals(results.filter((isFirst) => isFirst).length, 1);
      const [sum] = await store.usage(ALL_TOGETHER, NO_FILTER);
      assertEquals([sum?.requests, sum?.unmetered, sum?.inputTokens, sum?.costMicros], [1, 0, 10, 225]);
      const spending = await store.readSpending({ until: AT + DAY });
      assertEquals(spending.map(({ key, totalMicros }) => [key, totalMicros]).sort(), [
        ["project:prj_1", 225],
        ["token:tok_1", 225],
      ]);
      const token = await store.findToken("tok_1");
      assertEquals([token?.requestCount, token?.lastUsedAt], [1, AT], "nobody used the token then");
      const filter = { ...NO_FILTER, status: undefined, ending: undefined, requestId: "req_1" };
      const { items } = await store.listExchanges({ ...ALL, ...filter });
      assertEquals(items.map(({ settlement }) => settlement), ["settled", "awaited"]);
    },
  );

  test("objects: an object that is settled before it is added stays settled", async (store) => {
    const object = awaitedObject();
    assertEquals(await store.settleObject(object, { at: AT, micros: 0, rows: [] }), true);
    assertEquals(await store.addObject(object), false);
    assertEquals(await store.settleObject(object, { at: AT + 2, micros: 0, rows: [distinctRow()] }), false);
    assertEquals(await store.listUnsettledObjects(), []);
    assertEquals(await store.usage(ALL_TOGETHER, NO_FILTER).then(([sum]) => sum?.requests ?? 0), 0);
  });

  test("objects: prunes settled objects by age and by number, and keeps the others", async (store) => {
    for (let age = 1; age <= 6; age++) {
      const object = awaitedObject({ id: `resp_${age}`, madeAt: AT - age * DAY });
      await store.addObject(object);
      if (age !== 6) await store.settleObject(object, { at: AT, micros: 0, rows: [] });
    }
    const left = async () => (await store.listChangedObjects()).objects.map(({ id }) => id).sort();
    await store.pruneObjects({ madeBefore: AT - 4 * DAY, maxSettled: 10 });
    assertEquals(await left(), ["resp_1", "resp_2", "resp_3", "resp_4", "resp_6"]);
    await store.pruneObjects({ madeBefore: AT - 4 * DAY, maxSettled: 2 });
    assertEquals(await left(), ["resp_1", "resp_2", "resp_6"]);
  });

  test("made objects: the first maker at each account stays", async (store, bench) => {
    const first = madeObject();
    await store.addMadeObjects([
      first,
      madeObject({ maker: "token:late" }),
      madeObject({ account: "other", id: "x" }),
    ]);
    await store.addMadeObjects([
      madeObject({ maker: "token:later" }),
      madeObject({ id: "Ü'; --", projectId: undefined }),
    ]);
    assertEquals(await store.findMadeObjects([first.id, "none"]), [first]);
    assertEquals(
      await store.findMadeObjects(["Ü'; --"]).then(([one]) => one?.projectId),
      undefined,
    );
    assertEquals(await store.findMadeObjects([]), []);
    const many = Array.from({ length: 3_000 }, (_, index) => madeObject({ id: `file-${index}` }));
    await store.addMadeObjects(many);
    assertEquals((await store.findMadeObjects(many.map(({ id }) => id))).length, 3_000);
    const other = await bench.open();
    try {
      assertEquals((await other.findMadeObjects(["x"])).length, 1);
      const makers = (await other.listObjectMakers()).map(({ account, maker }) => `${account} ${maker}`)
        .sort();
      assertEquals(makers, [
        "account token:late",
        "account token:later",
        "account token:tok_1",
        "other token:tok_1",
      ]);
    } finally {
      await other.close();
    }
  });

  test("made objects: removes an object at one account, and another maker can take its id", async (store) => {
    const [first, other] = [madeObject({ id: "files/a" }), madeObject({ id: "files/a", account: "other" })];
    await store.addMadeObjects([first, other]);
    await Promise.all([
      store.removeMadeObjects([{ id: "files/a", account: "account" }, {
        id: "files/none",
        account: "account",
      }]),
      store.addMadeObjects([madeObject({ id: "files/a", maker: "token:next" })]),
    ]);
    const found = await store.findMadeObjects(["files/a"]);
    assertEquals(found.map(({ account, maker }) => `${account} ${maker}`).sort(), [
      "account token:next",
      "other token:tok_1",
    ]);
  });

  test("made objects: prunes expired ones, and the oldest of each maker and of all", async (store) => {
    const of = (maker: string, age: number, more: Partial<MadeObject> = {}) =>
      madeObject({ maker, id: `${maker} ${age}`, madeAt: AT - age, ...more });
    await store.addMadeObjects([
      ...[1, 2, 3, 4].map((age) => of("a", age)),
      ...[5, 6].map((age) => of("b", age)),
      of("c", 0, { expiresAt: AT - 1 }),
    ]);
    const ids = ["a", "b", "c"].flatMap((maker) => [0, 1, 2, 3, 4, 5, 6].map((age) => `${maker} ${age}`));
    const left = async () => (await store.findMadeObjects(ids)).map(({ id }) => id).sort();
    await store.pruneMadeObjects({ now: AT, maxOfMaker: 3, max: 10 });
    assertEquals(await left(), ["a 1", "a 2", "a 3", "b 5", "b 6"]);
    await store.pruneMadeObjects({ now: AT, maxOfMaker: 3, max: 4 });
    assertEquals(await left(), ["a 1", "a 2", "a 3", "b 5"]);
    // Another account cannot push out the objects of this one.
    const others = [1, 2, 3].map((age) =>
      madeObject({ maker: "a", id: `x${age}`, account: "z", madeAt: AT - age })
    );
    await store.addMadeObjects(others);
    await store.pruneMadeObjects({ now: AT, maxOfMaker: 3, max: 100 });
    assertEquals(await left(), ["a 1", "a 2", "a 3", "b 5"]);
  });
}
