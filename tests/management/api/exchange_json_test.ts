import { assertEquals } from "@std/assert";
import * as v from "valibot";
import { exchange } from "../../../src/management/api/responses.ts";
import { exchangeJson } from "../../../src/management/api/exchange_json.ts";
import { exchangeRow } from "../../support/data/rows.ts";

const ESTIMATED = { inputTokens: 7, outputTokens: undefined, costMicros: 3 };
const ROW = exchangeRow({
  attemptLog: [
    { backend: "a", afterMs: 0, detail: "no response", estimated: ESTIMATED },
    { backend: "b", afterMs: 5.5, detail: undefined },
  ],
  stream: true,
  settlement: "awaited",
});

Deno.test("exchangeJson: the members are those of the documented schema, in its order", () => {
  const json = exchangeJson(ROW);
  assertEquals(Object.keys(json), Object.keys(exchange.entries));
  assertEquals(v.parse(exchange, json), json);
});

Deno.test("exchangeJson: names, times and attempts as the API shows them", () => {
  const json = exchangeJson(ROW);
  assertEquals(
    [json.started_at, json.time_to_first_byte_ms, json.usage_partial, json.cost_is_partial, json.stream],
    ["2026-04-29T10:30:00.000Z", 3.25, false, false, true],
  );
  assertEquals(json.attempt_log, [
    {
      backend: "a",
      after_ms: 0,
      detail: "no response",
      estimated: { input_tokens: 7, output_tokens: null, cost_micros: 3 },
    },
    { backend: "b", after_ms: 5.5, detail: null, estimated: null },
  ]);
});

Deno.test("exchangeJson: unknown values are null, and the schema allows them", () => {
  const nothing = exchangeRow(
    Object.fromEntries(
      ([
        "providerRequestId",
        "firstByteMs",
        "endpoint",
        "provider",
        "backend",
        "attemptLog",
        "tokenId",
        "projectId",
        "stream",
        "modelAsked",
        "requestBytes",
        "modelSent",
        "modelAnswered",
        "stopReason",
        "inputTokens",
        "outputTokens",
        "cachedTokens",
        "costMicros",
        "usageSource",
        "settlement",
        "priceVersion",
      ] as const).map((name) => [name, undefined]),
    ),
  );
  const json = exchangeJson(nothing);
  assertEquals(v.parse(exchange, json), json);
  assertEquals([json.endpoint, json.attempt_log, json.cost_micros, json.settlement], [
    null,
    null,
    null,
    null,
  ]);
});
