import { assert, assertEquals } from "@std/assert";
import { STATUS_CODES as STATUS_TEXT } from "node:http";
import { fieldValue } from "../src/http/fields.ts";
import type { Dialect } from "../src/apis/dialects.ts";
import { type FaultCode, faultReply, ProxyFault } from "../src/faults.ts";

/** The status of each fault, and whether an SDK should retry. */
const STATUSES: readonly (readonly [FaultCode, number, boolean])[] = [
  ["unauthorized", 401, false],
  ["token_expired", 401, false],
  ["token_revoked", 401, false],
  ["forbidden", 403, false],
  ["not_found", 404, false],
  ["model_not_found", 404, false],
  ["bad_request", 400, false],
  ["payload_too_large", 413, false],
  ["headers_too_large", 431, false],
  ["request_timeout", 408, true],
  ["rate_limited", 429, false],
  ["budget_exceeded", 429, false],
  ["internal", 500, true],
  ["bad_gateway", 502, true],
  ["draining", 503, true],
  ["overloaded", 503, true],
  ["upstream_timeout", 504, true],
];

for (const [code, status, mayRetry] of STATUSES) {
  Deno.test(`faultReply: ${code} is ${status} and names its code`, () => {
    const reply = faultReply(new ProxyFault(code, "why"), { dialect: "openai", requestId: "req_1" });
    assertEquals(reply.status, status);
    assertEquals(reply.reason, status === 413 ? "Content Too Large" : STATUS_TEXT[status]);
    assertEquals(fieldValue(reply.fields, "x-should-retry"), mayRetry ? undefined : "false");
    assertEquals(fieldValue(reply.fields, "x-llm-proxy-error"), code);
    assertEquals(fieldValue(reply.fields, "x-request-id"), "req_1");
    assertEquals(fieldValue(reply.fields, "www-authenticate") !== undefined, status === 401);
  });
}

for (const code of ["rate_limited", "budget_exceeded"] as const) {
  Deno.test(`faultReply: ${code} lets SDKs retry if the wait is at most a minute`, () => {
    const retry = (retryAfterSeconds: number) => {
      const fault = new ProxyFault(code, "why", { retryAfterSeconds });
      return fieldValue(
        faultReply(fault, { dialect: "openai", requestId: "req_1" }).fields,
        "x-should-retry",
      );
    };
    assertEquals([retry(1), retry(60), retry(61), retry(86_400)], [undefined, undefined, "false", "false"]);
  });
}

const SHAPES: readonly (readonly [Dialect, unknown])[] = [
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
  Deno.test(`faultReply: the body in the dialect ${dialect}`, () => {
    const fault = new ProxyFault("rate_limited", "slow down", { retryAfterSeconds: 7 });
    const { body, fields } = faultReply(fault, { dialect, requestId: "req_1" });
    assert(body instanceof Uint8Array);
    assertEquals(JSON.parse(new TextDecoder().decode(body)), shape);
    assertEquals(fieldValue(fields, "content-type"), "application/json");
    assertEquals(fieldValue(fields, "retry-after"), "7");
  });
}
