import { assertEquals, assertThrows } from "@std/assert";
import { ProxyFault } from "../../src/faults.ts";
import type { Admission } from "../../src/limits/admission.ts";
import { Limiter } from "../../src/limits/limiter.ts";
import { checkModelIsKnown, limitsOfModels } from "../../src/limits/model_rules.ts";
import type { ModelLimits, Principal, Rules } from "../../src/principal.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

function holder(token: Rules, project: Rules = {}): Principal {
  return {
    kind: "token",
    key: "token:1",
    name: "anna",
    subjects: [
      { key: "token:1", what: "token", rules: token },
      { key: "project:1", what: "project", rules: project },
    ],
    keys: new Map(),
  };
}

function admit(limiter: Limiter, who: Principal, ...models: string[]): Admission {
  const admission = limiter.admit(who);
  try {
    admission.countModels(models);
    admission.reserve({ tokens: 0, micros: 0 });
  } catch (error) {
    admission.settle({ tokens: undefined, micros: undefined });
    throw error;
  }
  return admission;
}

function refusal(work: () => unknown): [code: string, message: string] {
  const { code, message } = assertThrows(work, ProxyFault);
  return [code, message];
}

Deno.test("limitsOfModels: for each model the first limit that matches, and each limit once", () => {
  const limits = ["gpt-5-nano", "gpt-5*", "*-mini", "claude-*"].map((model): ModelLimits => ({ model }));
  const found = (...models: string[]) => limitsOfModels(limits, models).map(({ model }) => model);
  assertEquals(found("gpt-5-nano"), ["gpt-5-nano"]);
  assertEquals(found("gpt-5-mini"), ["gpt-5*"]);
  assertEquals(found("gpt-5-mini", "gpt-5", "o4-mini", "other"), ["gpt-5*", "*-mini"]);
  assertEquals(found("models/gpt-5"), ["gpt-5*"], "Google puts a folder before a name");
  assertEquals(found(), []);
});

Deno.test("Limiter: limits for models apply to requests that name these models, and the message names the models", () => {
  const clock = new FakeClock();
  const limiter = new Limiter(clock);
  const who = holder({
    requestsPerMinute: 10,
    modelLimits: [{ model: "gpt-5*", requestsPerMinute: 2 }, { model: "o3", concurrentRequests: 1 }],
  });
  admit(limiter, who, "gpt-5");
  admit(limiter, who, "gpt-5-mini");
  assertEquals(refusal(() => admit(limiter, who, "gpt-5")), [
    "rate_limited",
    "This token may make 2 requests per minute for models gpt-5*.",
  ]);
  const running = admit(limiter, who, "o3");
  assertEquals(refusal(() => admit(limiter, who, "other", "o3")), [
    "rate_limited",
    "This token may have one request running at a time for models o3.",
  ]);
  running.settle({ tokens: undefined, micros: undefined });
  admit(limiter, who, "o3");
  admit(limiter, who, "other");
  clock.pass(61_000);
  admit(limiter, who, "gpt-5");
});

Deno.test("Limiter: limits for models count tokens and money of their requests, in addition to the limits of the token", () => {
  const limiter = new Limiter(new FakeClock());
  const who = holder({
    totalBudgetMicros: 1_000,
    modelLimits: [{ model: "gpt-5*", dayBudgetMicros: 100, tokensPerMinute: 50 }],
  }, { modelLimits: [{ model: "*", weekBudgetMicros: 300 }] });
  admit(limiter, who, "o3").settle({ tokens: 80, micros: 90 });
  admit(limiter, who, "gpt-5").settle({ tokens: 49, micros: 99 });
  const last = admit(limiter, who, "gpt-5").settle({ tokens: 1, micros: 0 });
  assertEquals(last.modelRules, ["token:1 gpt-5*", "project:1 *"]);
  assertEquals(refusal(() => admit(limiter, who, "gpt-5")), [
    "rate_limited",
    "This token may use 50 tokens per minute for models gpt-5*.",
  ]);
  admit(limiter, who, "o3").settle({ tokens: undefined, micros: 111 });
  assertEquals(refusal(() => admit(limiter, who, "o3")), [
    "budget_exceeded",
    "This project has spent its budget of $0.000300 per week for models *.",
  ]);
  assertEquals(["token:1", "token:1 gpt-5*", "project:1 *"].map((key) => limiter.spent(key)?.dayMicros), [
    300,
    99,
    300,
  ]);
});

Deno.test("Limiter: reservations of running requests count for the limits of their models", () => {
  const limiter = new Limiter(new FakeClock());
  const who = holder({ modelLimits: [{ model: "gpt-5*", totalBudgetMicros: 100 }] });
  const running = limiter.admit(who);
  running.countModels(["gpt-5"]);
  running.reserve({ tokens: 0, micros: 100 });
  assertEquals(refusal(() => admit(limiter, who, "gpt-5")), [
    "budget_exceeded",
    "The rest of this token's budget of $0.000100 in total for models gpt-5* is reserved for requests and background responses that still run.",
  ]);
  admit(limiter, who, "o3");
  running.settle({ tokens: undefined, micros: 99 });
  admit(limiter, who, "gpt-5");
});

Deno.test("Limiter: a request that one limit for a model rejects counts for no limit", () => {
  const limiter = new Limiter(new FakeClock());
  const who = holder({
    modelLimits: [{ model: "a", requestsPerMinute: 3 }, { model: "b", requestsPerMinute: 1 }],
  });
  admit(limiter, who, "a", "b");
  for (let count = 0; count < 5; count++) refusal(() => admit(limiter, who, "a", "b"));
  admit(limiter, who, "a");
  admit(limiter, who, "a");
  refusal(() => admit(limiter, who, "a"));
});

Deno.test("checkModelIsKnown: a body has to name a model if there are limits for certain models", () => {
  const limited = holder({}, { modelLimits: [{ model: "a", requestsPerMinute: 3 }] });
  for (const models of [[], [""]]) {
    assertEquals(refusal(() => checkModelIsKnown(limited, { models, hasBody: true })), [
      "forbidden",
      "This project has limits for certain models, and the request names no model.",
    ]);
  }
  checkModelIsKnown(limited, { models: [], hasBody: false });
  checkModelIsKnown(limited, { models: ["b"], hasBody: true });
  checkModelIsKnown(holder({ requestsPerMinute: 1 }), { models: [], hasBody: true });
});

Deno.test("limitsOfModels: a limit matches every spelling that servers accept for the same model", () => {
  const limits = [{ model: "gpt-5*", requestsPerMinute: 1 }];
  for (
    const name of [
      "gpt-5",
      "GPT-5-mini",
      " gpt-5",
      "\u0000gpt-5",
      "\ufeffgpt-5",
      `${" ".repeat(201)}gpt-5`,
      "openai/gpt-5",
      "models/models/gpt-5",
      "Models/gpt-5",
    ]
  ) {
    assertEquals(limitsOfModels(limits, [name]), limits, JSON.stringify(name));
  }
  assertEquals(limitsOfModels(limits, ["gpt-4.1"]), []);
  assertEquals(limitsOfModels([{ model: "GPT-5", requestsPerMinute: 1 }], ["gpt-5"]).length, 1);
});
