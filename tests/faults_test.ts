import { assert, assertEquals } from "@std/assert";
import { STATUS_CODES as STATUS_TEXT } from "node:http";
import { fieldValue } from "../src/http1/fields.ts";
import { type ErrorDialect, type FaultCode, faultReply, ProxyFault } from "../src/faults.ts";

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
  Deno.test(`faultReply: ${code} is ${status} and names its code`, () => {
    const reply = faultReply(new ProxyFault(code, "why"), { dialect: "openai", requestId: "req_1" });
    assertEquals(reply.status, status);
    assertEquals(reply.reason, status === 413 ? "Content Too Large" : STATUS_TEXT[status]);
    assertEquals(fieldValue(reply.fields, "x-llm-proxy-error"), code);
    assertEquals(fieldValue(reply.fields, "x-request-id"), "req_1");
    assertEquals(fieldValue(reply.fields, "www-authenticate") !== undefined, status === 401);
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
  Deno.test(`faultReply: the body in the dialect ${dialect}`, () => {
    const fault = new ProxyFault("rate_limited", "slow down", { retryAfterSeconds: 7 });
    const { body, fields } = faultReply(fault, { dialect, requestId: "req_1" });
    assert(body instanceof Uint8Array);
    assertEquals(JSON.parse(new TextDecoder().decode(body)), shape);
    assertEquals(fieldValue(fields, "content-type"), "application/json");
    assertEquals(fieldValue(fields, "retry-after"), "7");
  });
}
