import { assertEquals } from "@std/assert";
import { highestCost, ownKinds } from "../../../src/accounting/prices/dear_kinds.ts";
import type { Usage } from "../../../src/accounting/usage/usage.ts";
import type { RequestFacts } from "../../../src/payload/request_facts.ts";
import { readPayload } from "../../../src/payload/read_payload.ts";
import { fieldsOf } from "../../support/data/fields.ts";

const PRICE = {
  input: 1,
  output: 10,
  cacheWrite: 2,
  cacheWriteHour: 3,
  inputAudio: 7,
  inputImage: 4,
  outputAudio: 50,
  outputImage: 40,
};
/** Input of 100 and output of 10 tokens at the price of their kind. */
function costOf(usage: Usage): number {
  const { inputTokens = 0, outputTokens = 0 } = usage;
  const input = usage.cacheWriteHourTokens
    ? PRICE.cacheWriteHour
    : usage.cacheWriteTokens
    ? PRICE.cacheWrite
    : usage.inputAudioTokens
    ? PRICE.inputAudio
    : PRICE.input;
  const output = usage.outputAudioTokens
    ? PRICE.outputAudio
    : usage.outputImageTokens
    ? PRICE.outputImage
    : PRICE.output;
  return inputTokens * input + outputTokens * output;
}
const most = (
  model: string,
  facts: Pick<RequestFacts, "cacheWrites" | "refersElsewhere">,
  kinds = ownKinds(PRICE),
) => highestCost({ inputTokens: 100, outputTokens: 10 }, { kinds, model, facts, costOf });

Deno.test("highestCost: input and output cost as the dearest kind that the request can produce", () => {
  const output = 10 * PRICE.outputAudio;
  assertEquals(most("claude-1", {}), 100 * PRICE.input + output);
  assertEquals(most("claude-1", { cacheWrites: "minutes" }), 100 * PRICE.cacheWrite + output);
  assertEquals(most("claude-1", { cacheWrites: "hour" }), 100 * PRICE.cacheWriteHour + output);
  // Other providers write to their cache without a mark.
  assertEquals(most("gpt-6", {}), 100 * PRICE.cacheWrite + output);
  assertEquals(most("gpt-6", { refersElsewhere: true }), 100 * PRICE.inputAudio + output);
});

Deno.test("highestCost: a model without prices for other kinds costs as its text", () => {
  const plain = ownKinds({ input: 1, output: 10 });
  assertEquals(most("gpt-6", { cacheWrites: "hour", refersElsewhere: true }, plain), 200);
});

Deno.test("readPayload: it is known for how long a body marks content for the cache", async () => {
  const marks = async (body: string) => {
    const payload = await readPayload(new TextEncoder().encode(body), {
      fields: fieldsOf("content-type: application/json"),
      operation: "messages",
      maxBytes: 1e6,
      mustBeKnown: true,
      readsFiles: false,
      hold() {},
    });
    return payload.facts.cacheWrites;
  };
  const cases: readonly (readonly [body: string, expected: string | undefined])[] = [
    ['{"messages":[{"content":"x"}]}', undefined],
    ['{"cache_control":null,"messages":[]}', undefined],
    ['{"cache_control":{"type":"ephemeral"},"messages":[]}', "minutes"],
    ['{"system":[{"text":"x","cache_control":{"type":"ephemeral","ttl":"5m"}}]}', "minutes"],
    ['{"messages":[{"content":[{"text":"x","cache_control":{"ttl":"1h"}}]}]}', "hour"],
    ['{"messages":[{"content":[{"text":"x","c\\u0061che_control":{"ttl":"\\u0031h"}}]}]}', "hour"],
    ['{"tools":[{"name":"a","input_schema":{},"cache_control":{"ttl":"1h"}}]}', "hour"],
    ['{"system":[{"text":"x"},{"cachePoint":{"type":"default","ttl":"1h"}}]}', "hour"],
    ['{"tools":[{"name":"a","input_schema":{"properties":{"cache_control":{"ttl":"1h"}}}}]}', undefined],
    ['{"messages":[{"content":[{"type":"tool_use","input":{"cache_control":{"ttl":"1h"}}}]}]}', undefined],
  ];
  for (const [body, expected] of cases) assertEquals(await marks(body), expected, body);
});
