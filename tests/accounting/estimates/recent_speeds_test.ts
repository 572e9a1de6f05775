import { assertEquals } from "@std/assert";
import { RecentSpeeds, USUAL_TOKENS_PER_MS } from "../../../src/accounting/estimates/recent_speeds.ts";

function fed(
  samples: readonly { principal?: string; tokens?: number; speed: number; count?: number }[],
): RecentSpeeds {
  const speeds = new RecentSpeeds();
  for (const { principal = "anna", tokens = 1_000, speed, count = 20 } of samples) {
    for (let sample = 0; sample < count; sample++) {
      speeds.add("openai", "m", { principal, tokens, durationMs: tokens / speed });
    }
  }
  return speeds;
}

Deno.test("RecentSpeeds: the usual speed until a model was seen often enough, and never less", () => {
  assertEquals(fed([]).tokensPerMs("openai", "m"), USUAL_TOKENS_PER_MS);
  assertEquals(fed([{ speed: 1, count: 4 }]).tokensPerMs("openai", "m"), USUAL_TOKENS_PER_MS);
  assertEquals(fed([{ speed: 1, count: 5 }]).tokensPerMs("openai", "m"), 1);
  assertEquals(fed([{ speed: 0.01 }]).tokensPerMs("openai", "m"), USUAL_TOKENS_PER_MS);
  assertEquals(fed([{ speed: 1 }]).tokensPerMs("openai", "other"), USUAL_TOKENS_PER_MS);
});

Deno.test("RecentSpeeds: nobody can make the speed that others have seen smaller", () => {
  const slow = Array.from({ length: 49 }, (_, index) => ({ principal: `slow${index}`, speed: 0.001 }));
  assertEquals(fed([{ speed: 1 }, ...slow, ...slow]).tokensPerMs("openai", "m"), 1);
});

Deno.test("RecentSpeeds: single answers that came faster, short ones and kept ones say nothing", () => {
  assertEquals(fed([{ speed: 1, count: 18 }, { speed: 4, count: 2 }]).tokensPerMs("openai", "m"), 1);
  assertEquals(fed([{ speed: 4, tokens: 99 }]).tokensPerMs("openai", "m"), USUAL_TOKENS_PER_MS);
  assertEquals(fed([{ speed: 100_000 }]).tokensPerMs("openai", "m"), 5);
  const speeds = new RecentSpeeds();
  for (let sample = 0; sample < 20; sample++) {
    speeds.add("openai", "m", { principal: "anna", tokens: 1_000, durationMs: 0 });
  }
  assertEquals(speeds.tokensPerMs("openai", "m"), USUAL_TOKENS_PER_MS);
});

Deno.test("RecentSpeeds: what was seen long ago is forgotten, and so are principals that have left", () => {
  assertEquals(fed([{ speed: 3 }, { speed: 1 }]).tokensPerMs("openai", "m"), 1);
  const others = Array.from({ length: 50 }, (_, index) => ({ principal: `p${index}`, speed: 0.5 }));
  assertEquals(fed([{ speed: 3 }, ...others]).tokensPerMs("openai", "m"), 0.5);
});

Deno.test("RecentSpeeds: its memory is bounded", () => {
  const speeds = fed([{ speed: 1 }]);
  for (let model = 0; model < 1_000; model++) {
    speeds.add("openai", `m${model}`, { principal: "anna", tokens: 100, durationMs: 100 });
  }
  assertEquals(speeds.tokensPerMs("openai", "m"), USUAL_TOKENS_PER_MS);
});
