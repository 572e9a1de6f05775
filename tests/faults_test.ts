import { assertEquals } from "@std/assert";
import { type ErrorDialect, type FaultCode, faultResponse, ProxyFault } from "../src/faults.ts";

const STATUSES: readonly (readonly [FaultCode, number])[] = [
  ["unauthorized", 401],
  ["token_expired", 401],
  ["token_revoked", 401],
  ["forbidden", 403],
  ["not_found", 404],
  ["bad_request", 400],
  ["payload_too_large", 413],
  ["rate_limited", 429],
  ["budget_exceeded", 429],
  ["internal", 500],
  ["bad_gateway", 502],
  ["draining", 503],
  ["upstream_timeout", 504],
];

for (const [code, status] of STATUSES) {
  Deno.test(`faultResponse: ${code} is ${status} and names its code`, () => {
    const response = faultResponse(new ProxyFault(code, "why"), {
      dialect: "openai",
      requestId: "req_1",
      withoutBody: true,
    });
    assertEquals(response.status, status);
    assertEquals(response.headers.get("x-llm-proxy-error"), code);
    assertEquals(response.headers.get("x-request-id"), "req_1");
    assertEquals(response.headers.has("www-authenticate"), status === 401);
    assertEquals(response.body, null);
  });
}

const SHAPES: readonly (readonly [ErrorDialect, unknown])[] = [
  ["openai", {
    error: { message: "slow down", type: "rate_limit_error", code: "rate_limited", param: null },
  }],
  ["generic", {
    error: { message: "slow down", type: "rate_limit_error", code: "rate_limited", param: null },
  }],
  ["anthropic", {
    type: "error",
    error: { type: "rate_limit_error", message: "slow down" },
    request_id: "req_1",
  }],
  ["gemini", { error: { code: 429, message: "slow down", status: "RESOURCE_EXHAUSTED" } }],
];

for (const [dialect, shape] of SHAPES) {
  Deno.test(`faultResponse: the body in the dialect ${dialect}`, async () => {
    const fault = new ProxyFault("rate_limited", "slow down", { retryAfterSeconds: 7 });
    const response = faultResponse(fault, { dialect, requestId: "req_1", withoutBody: false });
    assertEquals(await response.json(), shape);
    assertEquals(response.headers.get("content-type"), "application/json");
    assertEquals(response.headers.get("retry-after"), "7");
  });
}
