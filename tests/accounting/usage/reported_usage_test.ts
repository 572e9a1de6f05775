import { assertEquals } from "@std/assert";
import { ReportedUsage } from "../../../src/accounting/usage/reported_usage.ts";
import type { Usage } from "../../../src/accounting/usage/usage.ts";

function usageOf(...told: readonly unknown[]): Usage {
  const usage = new ReportedUsage();
  for (const one of told) usage.add(one);
  return usage.usage();
}

/** What is told, one after the other, and what it amounts to. */
const CASES: readonly (readonly [name: string, told: readonly unknown[], usage: Usage])[] = [
  [
    "the last word counts for each side, and zeros are no word",
    [
      { input_tokens: 25, output_tokens: 9, cache_read_input_tokens: 3 },
      { input_tokens: 0, output_tokens: 15 },
      { output_tokens: 12 },
      { input_tokens: 0, output_tokens: 0 },
    ],
    { inputTokens: 28, outputTokens: 12, cachedTokens: 3 },
  ],
  [
    "a zero counts beside another number of its side",
    [
      { input_tokens: 25, cache_read_input_tokens: 3, output_tokens: 1 },
      { input_tokens: 20, cache_read_input_tokens: 0, output_tokens: 0 },
    ],
    { inputTokens: 20, cachedTokens: 0, outputTokens: 1 },
  ],
  [
    "an input that is corrected downwards",
    [
      { input_tokens: 9_000, output_tokens: 1, cache_read_input_tokens: 0 },
      { input_tokens: 20, cache_read_input_tokens: 8_980, output_tokens: 50 },
    ],
    { inputTokens: 9_000, outputTokens: 50, cachedTokens: 8_980 },
  ],
  [
    "reasoning on top of the completion, by the total",
    [{
      prompt_tokens: 100,
      completion_tokens: 10,
      total_tokens: 410,
      completion_tokens_details: { reasoning_tokens: 300 },
    }],
    { inputTokens: 100, outputTokens: 310, reasoningTokens: 300 },
  ],
  [
    "reasoning alone, with an empty completion",
    [{
      prompt_tokens: 100,
      completion_tokens: 0,
      total_tokens: 400,
      completion_tokens_details: { reasoning_tokens: 300 },
    }],
    { inputTokens: 100, outputTokens: 300, reasoningTokens: 300 },
  ],
  [
    "reasoning within the completion, by the total",
    [{
      prompt_tokens: 100,
      completion_tokens: 310,
      total_tokens: 410,
      completion_tokens_details: { reasoning_tokens: 300 },
    }],
    { inputTokens: 100, outputTokens: 310, reasoningTokens: 300 },
  ],
  [
    "cached input on top of the prompt, by the total",
    [{
      prompt_tokens: 20,
      completion_tokens: 10,
      total_tokens: 9_010,
      prompt_tokens_details: { cached_tokens: 8_980 },
    }],
    { inputTokens: 9_000, outputTokens: 10, cachedTokens: 8_980 },
  ],
  [
    "input written to a cache, of responses",
    [{
      input_tokens: 10_000,
      output_tokens: 5,
      input_tokens_details: { cached_tokens: 2_000, cache_write_tokens: 6_000 },
    }],
    { inputTokens: 10_000, outputTokens: 5, cachedTokens: 2_000, cacheWriteTokens: 6_000 },
  ],
  [
    "searches, reasoning and citations that Perplexity bills beside its completion",
    [{
      prompt_tokens: 33,
      completion_tokens: 7_163,
      total_tokens: 7_196,
      citation_tokens: 20_016,
      num_search_queries: 29,
      reasoning_tokens: 73_997,
      cost: { total_cost: 0.7 },
    }],
    {
      inputTokens: 33,
      outputTokens: 7_163 + 20_016 + 73_997,
      reasoningTokens: 73_997,
      citationTokens: 20_016,
      webSearches: 29,
      statedCostMicros: 700_000,
    },
  ],
  ["a total alone is input", [{ total_tokens: 7 }], { inputTokens: 7 }],
  ["what is no amount", [null, "5", [], 7, { prompt_tokens: -1 }, { prompt_tokens: 1.5 }, {
    prompt_tokens: 1e300,
  }], {}],
  ["what stands too deep", [{ a: { b: { c: { d: 5 } } } }], {}],
];

for (const [name, told, usage] of CASES) {
  Deno.test(`ReportedUsage: ${name}`, () => assertEquals(usageOf(...told), usage));
}

Deno.test("ReportedUsage: of more tokens read from a cache than sent no more than all count", () => {
  const told = new ReportedUsage();
  told.add({ prompt_tokens: 100, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 120 } });
  assertEquals(told.usage(), { inputTokens: 100, outputTokens: 5, cachedTokens: 100 });
  assertEquals(told.contradictions(), ["more cachedTokens than inputTokens"]);
});

Deno.test("ReportedUsage: steps of a compaction count beside, and those of an advisor under its model", () => {
  const told = new ReportedUsage();
  const plain = { cache_creation_input_tokens: 0, cache_read_input_tokens: 0, cache_creation: null };
  told.add({
    input_tokens: 100,
    output_tokens: 10,
    ...plain,
    iterations: [
      { type: "message", model: null, input_tokens: 100, output_tokens: 10, ...plain },
      { type: "compaction", input_tokens: 3_000, output_tokens: 400, ...plain },
      { type: "advisor_message", model: "claude-opus-4-8", input_tokens: 50, output_tokens: 7, ...plain },
    ],
  });
  const { inputTokens, outputTokens } = told.usage();
  assertEquals([inputTokens, outputTokens], [3_100, 410]);
  assertEquals(told.steps().map(({ model, usage }) => [model, usage.inputTokens, usage.outputTokens]), [
    ["claude-opus-4-8", 50, 7],
  ]);
});

Deno.test("ReportedUsage: a usage object of a thousand numbers is bounded", () => {
  const told = new ReportedUsage();
  const many = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`x${index}`, 1]));
  told.add({ ...many, prompt_tokens: 5 });
  assertEquals(told.usage(), {});
});

Deno.test("ReportedUsage: numbers that contradict each other are named, and others are not", () => {
  const contradictions = (usage: unknown) => {
    const told = new ReportedUsage();
    told.add(usage);
    return told.contradictions();
  };
  const small = "a total that is less than its parts";
  assertEquals(contradictions({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 12 }), [small]);
  assertEquals(contradictions({ input_tokens: 10, output_tokens: 5, total_tokens: 12 }), [small]);
  assertEquals(
    contradictions({ promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 12 }),
    [small],
  );
  assertEquals(contradictions({ inputTokens: 10, outputTokens: 5, totalTokens: 12 }), [small]);
  assertEquals(
    contradictions({
      prompt_tokens: 10,
      completion_tokens: 5,
      total_tokens: 15,
      completion_tokens_details: { audio_tokens: 6 },
    }),
    ["more outputAudioTokens than outputTokens"],
  );
  assertEquals(contradictions({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 0 }), []);
  assertEquals(contradictions({ prompt_tokens: 10, completion_tokens: 5, total_tokens: 25 }), []);
  assertEquals(contradictions({}), []);
});

Deno.test("ReportedUsage: usage and contradictions follow each report, and nothing is left after clear", () => {
  const reported = new ReportedUsage();
  const other = new ReportedUsage();
  reported.add({ prompt_tokens: 5, completion_tokens: 1 });
  assertEquals(reported.usage(), { inputTokens: 5, outputTokens: 1 });
  assertEquals(reported.contradictions(), []);
  reported.add({ prompt_tokens: 5, completion_tokens: 2, total_tokens: 3 });
  assertEquals(reported.usage(), { inputTokens: 5, outputTokens: 2 });
  assertEquals(reported.contradictions(), ["a total that is less than its parts"]);
  reported.clear();
  assertEquals([reported.usage(), reported.contradictions(), other.usage()], [{}, [], {}]);
  reported.add({ prompt_tokens: 7 });
  assertEquals([reported.usage(), other.usage()], [{ inputTokens: 7 }, {}]);
});
