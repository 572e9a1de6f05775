import { assertEquals } from "@std/assert";
import { type SampledExchange, speedSample } from "../../../src/accounting/estimates/speed_sample.ts";

const ATTEMPTS = [
  { backend: "first", afterMs: 0, detail: "it answered 503" },
  { backend: "second", afterMs: 300, detail: undefined },
];
const RECORD = { method: "POST", ending: "complete", durationMs: 1_300, attempts: ATTEMPTS } as const;
const SUMMARY = { usage: { outputTokens: 500 } };
const EXCHANGE: SampledExchange = { principal: "anna", facts: {}, hasCreated: false };

Deno.test("speedSample: the output of a response in the time of its last attempt", () => {
  const expected = { principal: "anna", tokens: 500, durationMs: 1_000 };
  assertEquals(speedSample(RECORD, SUMMARY, EXCHANGE), expected);
  assertEquals(speedSample(RECORD, SUMMARY, { ...EXCHANGE, facts: { choices: 1 } }), expected);
  assertEquals(speedSample({ ...RECORD, attempts: [] }, SUMMARY, EXCHANGE)?.durationMs, 1_300);
});

/** Each shows no speed. */
const OTHERS: readonly (readonly [string, ReturnType<typeof speedSample>])[] = [
  ["a response that was fetched", speedSample({ ...RECORD, method: "GET" }, SUMMARY, EXCHANGE)],
  ["a response that broke off", speedSample({ ...RECORD, ending: "client_gone" }, SUMMARY, EXCHANGE)],
  ["several choices", speedSample(RECORD, SUMMARY, { ...EXCHANGE, facts: { choices: 2 } })],
  ["a background response", speedSample(RECORD, SUMMARY, { ...EXCHANGE, facts: { background: true } })],
  ["an object that is settled later", speedSample(RECORD, SUMMARY, { ...EXCHANGE, hasCreated: true })],
  ["a session", speedSample(RECORD, { ...SUMMARY, unfinished: [] }, EXCHANGE)],
  ["images", speedSample(RECORD, { usage: { outputTokens: 500, outputImageTokens: 1 } }, EXCHANGE)],
  ["audio", speedSample(RECORD, { usage: { outputTokens: 500, outputAudioTokens: 1 } }, EXCHANGE)],
  ["unreported output", speedSample(RECORD, { usage: {} }, EXCHANGE)],
];
for (const [what, sample] of OTHERS) {
  Deno.test(`speedSample: ${what} shows no speed`, () => assertEquals(sample, undefined));
}
