import { assertEquals, assertThrows } from "@std/assert";
import { checkHeadIsPlain, effectiveMethod } from "../../src/admission/effective_method.ts";
import { ProxyFault } from "../../src/faults.ts";
import { ANONYMOUS, type Rules, sharedPrincipal } from "../../src/principal.ts";
import { fieldsOf } from "../support/data/fields.ts";

const head = (query: string, ...lines: readonly string[]) => ({ query, fields: fieldsOf(...lines) });

Deno.test("effectiveMethod: a header or a parameter that names another method decides what a request costs", () => {
  const cases: readonly (readonly [method: string, head: ReturnType<typeof head>, expected: string])[] = [
    ["GET", head(""), "GET"],
    ["GET", head("a=$_%", "accept: */*"), "GET"],
    ["POST", head("", "x-http-method-override: POST"), "POST"],
    ["GET", head("", "x-http-method-override: get"), "GET"],
    ["GET", head("", "x-http-method-override: POST"), "POST"],
    ["GET", head("", "x-http-method: post "), "POST"],
    ["GET", head("", "x-method-override: PATCH"), "POST"],
    ["GET", head("", "x-http-method-override: GET", "x-http-method-override: POST"), "POST"],
    ["GET", head("$httpMethod=POST"), "POST"],
    ["GET", head("%24httpMethod=POST"), "POST"],
    ["GET", head("a=1;$httpMethod=POST"), "POST"],
    ["GET", head("_method=post"), "POST"],
    // A query that is too long to be read may name any method.
    ["GET", head("_a=b&".repeat(12_000)), "POST"],
    // A client cannot make a request free by naming a method that reads.
    ["POST", head("", "x-http-method-override: GET"), "POST"],
  ];
  for (const [method, of, expected] of cases) {
    assertEquals(effectiveMethod(method, of), expected, `${method} ${JSON.stringify(of)}`);
  }
});

Deno.test("checkHeadIsPlain: under any limit no head names another method or path", () => {
  const heads = [
    head("", "x-http-method-override: POST"),
    head("", "x-http-method: POST"),
    head("", "x-original-url: /v1/chat/completions"),
    head("", "x-rewrite-url: /v1/chat/completions"),
    head("$httpMethod=POST"),
    head("_a=b&".repeat(12_000)),
  ];
  const limited: readonly Rules[] = [
    { maxRequests: 5 },
    { requestsPerMinute: 5 },
    { concurrentRequests: 5 },
    { tokensPerMinute: 5 },
    { totalBudgetMicros: 5 },
    { modelLimits: [{ model: "*", monthBudgetMicros: 5 }] },
  ];
  for (const rules of limited) {
    const principal = sharedPrincipal("anna", rules);
    for (const one of heads) {
      assertThrows(() => checkHeadIsPlain(principal, one), ProxyFault, "names another method or path");
    }
    checkHeadIsPlain(principal, head("alt=sse", "accept: */*"));
  }
  for (const principal of [ANONYMOUS, sharedPrincipal("ben", { endpoints: ["openai"] })]) {
    for (const one of heads) checkHeadIsPlain(principal, one);
  }
});
