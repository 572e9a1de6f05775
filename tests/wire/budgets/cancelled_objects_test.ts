/**
 * Text of a background response that a client received counts when the response is cancelled, whichever
 * process or endpoint sent it.
 */
import { assertGreater } from "@std/assert";
import { ask, makeToken, ObjectProxies, spentBy, usageOf } from "../../support/proxies/object_proxy.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const TEXT = "word".repeat(1_000);
const JSON_TYPE = { headers: "Content-Type: application/json\r\n" };

/** A provider of one response in the background, which streams its text before it is over. */
function provider(): FakeUpstream {
  return new FakeUpstream({
    script: async ({ request, body, write }) => {
      for await (const _ of body()) { /* all of it */ }
      const object = {
        id: "resp_1",
        object: "response",
        background: true,
        model: "bill-1",
        status: "in_progress",
        usage: null,
      };
      if (request.target.includes("stream=true")) {
        const events = [
          { type: "response.created", response: object },
          { type: "response.output_text.delta", item_id: "msg_1", delta: TEXT },
        ].map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
        return await write(plainAnswer(events, { headers: "Content-Type: text/event-stream\r\n" }));
      }
      const isCancel = request.target.endsWith("/cancel");
      await write(
        plainAnswer(JSON.stringify({ ...object, status: isCancel ? "cancelled" : "in_progress" }), JSON_TYPE),
      );
    },
  });
}
const MAKING = { model: "bill-1", input: "x", background: true, max_output_tokens: 5_000 };

for (
  const where of [
    "the same process",
    "another process on the database",
    "another endpoint with the same provider key",
    "a process that was started again since",
  ]
) {
  Deno.test(`objects: what was streamed before a cancellation counts: by ${where}`, async () => {
    await using upstream = provider();
    await using proxies = await ObjectProxies.at(
      upstream.origin,
      `[endpoints.second]
provider = "openai"
api_key = "${SECRETS.openaiKey}"
base_url = "${upstream.origin}"
prices = { "bill-*" = { input = 2, output = 10 } }`,
    );
    let first = await proxies.start();
    const second = where.startsWith("another process") ? await proxies.start() : first;
    const token = await makeToken(first, "anna", { budget: { total_usd: 1 } });
    await ask(first, token, { method: "POST", path: "/v1/responses", body: MAKING });
    const endpoint = where.startsWith("another endpoint") ? "second" : "openai";
    const { text } = await ask(second, token, { endpoint, path: "/v1/responses/resp_1?stream=true" });
    if (!text.includes(TEXT)) throw new Error(text);
    if (where.startsWith("a process")) {
      // What was streamed is in the database before the row of its request.
      for (let i = 0; i < 100 && (await usageOf(first, token)).requests < 2; i++);
      await proxies.kill(first);
      first = await proxies.start();
    }
    await ask(first, token, { method: "POST", path: "/v1/responses/resp_1/cancel" });
    const spent = await spentBy(first, token);
    assertGreater(spent, 0);
  });
}
