import { assertEquals } from "@std/assert";
import { modelSentInstead } from "../../src/config/model_override.ts";

Deno.test("modelSentInstead: an alias, an override, both, and both that lead back to the name of the client", () => {
  const override = { byName: new Map([["small", "tiny"], ["big", "fast"]]), otherwise: undefined };
  const all = { byName: new Map(), otherwise: "only" };
  const cases = [
    [undefined, undefined, "small", undefined],
    [undefined, "fast", "small", "small"],
    [override, undefined, "small", "tiny"],
    [override, undefined, "other", undefined],
    [override, "fast", "small", "tiny"],
    [override, "fast", "big", undefined],
    [all, undefined, "small", "only"],
    [all, undefined, undefined, undefined],
  ] as const;
  for (const [rules, modelAsked, model, expected] of cases) {
    assertEquals(modelSentInstead(rules, { model, modelAsked }), expected, `${modelAsked} ${model}`);
  }
});
