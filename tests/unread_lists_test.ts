/** Lists that clients do not read: they take no more memory than the share of the client. */

import { assert, assertEquals } from "@std/assert";
import type { Transport } from "../src/forwarding/transport/transport.ts";
import { field, fieldValue } from "../src/http/fields.ts";
import { discardReply, type OutgoingReply } from "../src/http/message.ts";
import { textOf } from "./support/data/body_text.ts";
import { HandlerBench, textSource } from "./support/proxies/handler.ts";

const PAGE = JSON.stringify({ data: [{ id: "own", x: "x".repeat(100_000) }, { id: "other" }] });
const pages: Transport["send"] = () =>
  Promise.resolve({
    status: 200,
    reason: "OK",
    fields: [field("content-type", "application/json")],
    body: textSource(PAGE, PAGE.length),
  });
const none: Transport["send"] = () => Promise.reject(new TypeError("no upstream gets a request"));
const LONG_NAMES = Array.from({ length: 500 }, (_, at) => `${at}-${"x".repeat(190)}`);

/** Each kind of list: how to make its proxy, and the head of its request. */
const LISTS: readonly (readonly [what: string, bench: () => HandlerBench, path: string, memory: number])[] = [
  [
    "a filtered list",
    () => new HandlerBench(pages, { memory: 350_000, rules: { models: ["own"] } }),
    "/openai/v1/models",
    100_000,
  ],
  [
    "a merged list",
    () => new HandlerBench(none, { memory: 350_000, models: { openai: LONG_NAMES, anthropic: ["y"] } }),
    "/v1/models",
    100_000,
  ],
];

for (const [what, open, path, least] of LISTS) {
  Deno.test(`unread lists: ${what} counts until the client has taken it, and beyond the share it is a 503`, async () => {
    const bench = open();
    const ask = (path: string, ...lines: string[]) =>
      bench.unread([`GET ${path}`, "authorization: Bearer T", ...lines]);
    const replies: OutgoingReply[] = [];
    let rejected: OutgoingReply | undefined;
    while (rejected === undefined) {
      const reply = await ask(path);
      if (reply.status === 200) replies.push(reply);
      else rejected = reply;
      assert(replies.length < 4, "more lists than fit into the memory");
    }
    assert(replies.length > 0 && bench.heldBytes.held >= least * replies.length, `${bench.heldBytes.held}`);
    assertEquals([rejected.status, fieldValue(rejected.fields, "retry-after")], [503, "2"]);
    assertEquals(fieldValue(rejected.fields, "x-llm-proxy-error"), "overloaded");
    assert(
      (await textOf(rejected.body)).includes(
        '"message":"The proxy must hold this list in memory, and the memory is full.',
      ),
    );
    assertEquals(bench.records.map(({ ending }) => ending), ["overloaded"], "the others have not ended");
    const [first, ...others] = replies;
    assert((await textOf(first?.body ?? null)).length >= least);
    for (const other of others) discardReply(other);
    assertEquals([bench.heldBytes.held, bench.running.size], [0, 0]);
    assertEquals(bench.records.filter(({ ending }) => ending === "complete").length, 1);
    const again = await ask(path);
    assertEquals(again.status, 200);
    discardReply(again);
  });
}

Deno.test("unread lists: the error has the shape of the API that the client uses", async () => {
  const bench = new HandlerBench(pages, { memory: 1_000, rules: { models: ["own"] } });
  const { status, text } = await bench.ask(
    "GET /anthropic/v1/models",
    "x-api-key: T",
    "anthropic-version: 2023-06-01",
  );
  assertEquals([status, JSON.parse(text).error.type], [503, "overloaded_error"]);
  assertEquals(bench.heldBytes.held, 0);
});
