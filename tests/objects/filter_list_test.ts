import { assert, assertEquals, assertRejects } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import { field } from "../../src/http/fields.ts";
import { HeldBytes } from "../../src/capacity/held_bytes.ts";
import { WholeResponses } from "../../src/capacity/whole_responses.ts";
import { type ElementFilter, filterList, type ListAnswer } from "../../src/objects/filter_list.ts";
import { ListPaging } from "../../src/objects/list_paging.ts";
import { bodyOf } from "../../src/streams/bytes.ts";

const FILTER: ElementFilter = {
  purpose: "The test removes elements",
  keptElements: (elements) => Promise.resolve(new Set(elements.filter(({ id }) => id?.startsWith("own")))),
};

/** A provider whose list has elements with these ids. It rejects a longer limit than `most`. */
function provider(
  ids: readonly string[],
  { most = 10_000, bytes = 0 }: { most?: number; bytes?: number } = {},
) {
  const queries: string[] = [];
  const fetchPage = (query: string): Promise<ListAnswer> => {
    queries.push(query);
    const parameters = new URLSearchParams(query);
    const limit = Number(parameters.get("limit") ?? 20);
    const after = parameters.get("after");
    const from = after === null ? 0 : ids.indexOf(after) + 1;
    const page = ids.slice(from, from + limit);
    const text = JSON.stringify({
      data: page.map((id) => ({ id, x: "x".repeat(bytes) })),
      last_id: page.at(-1) ?? null,
      has_more: from + limit < ids.length,
    });
    return Promise.resolve({
      status: limit > most ? 400 : 200,
      fields: [field("content-type", "application/json")],
      body: bodyOf(new TextEncoder().encode(limit > most ? "{}" : text)),
    });
  };
  return { queries, fetchPage };
}

async function listed(
  { fetchPage }: { fetchPage: (query: string) => Promise<ListAnswer> },
  { query = "", apiPath = "/v1/batches", memory = 1 << 26, filter = FILTER }: {
    query?: string;
    apiPath?: string;
    memory?: number;
    filter?: ElementFilter;
  } = {},
) {
  const counts: number[] = [];
  const { bytes } = await filterList(filter, {
    paging: new ListPaging({ query, apiPath, dialect: "openai" }),
    fetchPage,
    beforePage: (count) => void counts.push(count),
    memory: new WholeResponses(new HeldBytes(memory)).begin("test"),
  });
  const page = JSON.parse(new TextDecoder().decode(bytes));
  return { ids: page.data.map(({ id }: { id: string }) => id), page, counts };
}

const foreign = (count: number, prefix = "foreign") =>
  Array.from({ length: count }, (_, at) => `${prefix}-${at}`);

Deno.test("filter list: from the second page on the pages are the longest of the provider, and the client gets what it asked for", async () => {
  const ids = [...foreign(130), ...foreign(5, "own")];
  const openai = provider(ids, { most: 100 });
  const { ids: got, page, counts } = await listed(openai, { query: "limit=2&order=desc" });
  assertEquals(openai.queries, [
    "limit=2&order=desc",
    "order=desc&limit=100&after=foreign-1",
    "order=desc&limit=100&after=foreign-101",
  ]);
  assertEquals(got, ["own-0", "own-1"]);
  assertEquals(
    [page.last_id, page.has_more],
    ["own-1", true],
    "the client goes on from its own last element",
  );
  assertEquals(counts, [2, 3]);
});

Deno.test("filter list: files have pages of 10,000, so that another token cannot hide those behind its own", async () => {
  const files = provider([...foreign(1_120), "own-1"]);
  assertEquals((await listed(files, { query: "limit=20", apiPath: "/v1/files" })).ids, ["own-1"]);
  assertEquals(files.queries.length, 2);
});

Deno.test("filter list: a provider that rejects the longest pages gets the limit of the client", async () => {
  const strict = provider([...foreign(30), "own-1"], { most: 50 });
  assertEquals((await listed(strict)).ids, ["own-1"]);
  assertEquals(strict.queries, ["", "limit=100&after=foreign-19", "after=foreign-19"]);
});

Deno.test("filter list: ten pages at most, and then an error instead of an empty list", async () => {
  const endless = provider(foreign(5_000));
  const fault = await assertRejects(
    () => listed(endless),
    ProxyFault,
    "begin the list at an element of yours",
  );
  assertEquals([fault.code, endless.queries.length], ["bad_request", 10]);
  const short = provider(foreign(50));
  assertEquals((await listed(short)).ids, [], "a whole list without elements is an empty list");
});

Deno.test("filter list: the proxy requests shorter pages after one of more than 4 MiB, and trims nothing silently", async () => {
  const long = provider(["own-1", ...foreign(3_000)], { bytes: 2_000 });
  const { ids, page } = await listed(long, { query: "limit=3000" });
  assertEquals([ids, page.has_more], [["own-1"], true]);
  assertEquals(long.queries, ["limit=3000", "limit=1000"]);
  const huge = provider(foreign(30), { bytes: 300_000 });
  const fault = await assertRejects(
    () => listed(huge, { query: "limit=20" }),
    ProxyFault,
    "send limit with a smaller number",
  );
  assertEquals(fault.code, "bad_request");
  const many = {
    fetchPage: () =>
      Promise.resolve({
        status: 200,
        fields: [field("content-type", "application/json")],
        body: bodyOf(new TextEncoder().encode(`{"data":[${"{},".repeat(20_000)}{}]}`)),
      }),
  };
  await assertRejects(() => listed(many), ProxyFault, "10000 elements");
});

Deno.test("filter list: memory beyond the share of the client is a 503 that says when to try again", async () => {
  const fault = await assertRejects(
    () => listed(provider(["own-1"], { bytes: 5_000 }), { memory: 4_096 }),
    ProxyFault,
  );
  assertEquals([fault.status, fault.code, fault.retryAfterSeconds], [503, "overloaded", 2]);
});

Deno.test("whole responses: the memory counts until the client has taken the response or has left", () => {
  const all = new HeldBytes(1_000);
  const responses = new WholeResponses(all);
  const endings: string[] = [];
  for (const how of ["complete", "client_gone"] as const) {
    const response = responses.begin("anna");
    response.hold(600);
    const body = response.body(new Uint8Array(600), (ending) => void endings.push(ending));
    assertEquals(body.tryRead()?.length, 600);
    assertEquals(all.held, 600, "the client has not taken it");
    if (how === "complete") assertEquals(body.tryRead(), null);
    body.cancel();
    assertEquals([all.held, endings.at(-1)], [0, how]);
  }
  assertEquals(endings.length, 2);
});

Deno.test("whole responses: the proxy works on one response of a client at a time, and on those of others meanwhile", async () => {
  const responses = new WholeResponses(new HeldBytes(1_000));
  const first = Promise.withResolvers<void>();
  const order: string[] = [];
  const anna = responses.begin("anna");
  const failing = assertRejects(() => anna.inTurn(() => first.promise), Error, "broken");
  const second = responses.begin("anna").inTurn(() => Promise.resolve(void order.push("anna")));
  await responses.begin("ben").inTurn(() => Promise.resolve(void order.push("ben")));
  assertEquals(order, ["ben"]);
  first.reject(new Error("broken"));
  await failing;
  await second;
  assert(order.includes("anna"));
});
