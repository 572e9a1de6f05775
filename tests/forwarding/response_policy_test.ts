import { assert, assertEquals } from "@std/assert";
import { isWithheldFromClients } from "../../src/forwarding/response_policy.ts";
import { isInert } from "../../src/forwarding/inert_types.ts";
import { clientFields } from "../../src/forwarding/response_headers.ts";
import { fieldsOf, linesOf } from "../support/data/fields.ts";
import { ALLOWED_RESPONSE_LINES, HOSTILE_RESPONSE_LINES } from "../support/upstreams/hostile_response.ts";

const CONTEXT = {
  requestId: "req_1",
  path: "/openai/v1/x",
  backend: { hasProxysKey: false, exposedName: undefined },
  hasBody: true,
} as const;

for (const line of HOSTILE_RESPONSE_LINES) {
  Deno.test(`answers: a client does not get ${line}`, () => {
    assert(fieldsOf(line).every(isWithheldFromClients));
    const lines = linesOf(clientFields(fieldsOf(line, "Content-Type: application/json"), CONTEXT));
    assertEquals(lines, ["Content-Type: application/json", "x-request-id: req_1"]);
  });
}

Deno.test("answers: a provider's other fields pass as they are, but for the path of cookies", () => {
  const lines = [...ALLOWED_RESPONSE_LINES, "Content-Type: application/json", "x-request-id: its"];
  const expected = lines.map((line) => line.replace("abc; Path=/; HttpOnly", "abc; HttpOnly; Path=/openai"));
  assertEquals(linesOf(clientFields(fieldsOf(...lines), CONTEXT)), expected);
});

Deno.test("answers: the proxy's own x-llm-proxy-backend is added, a provider's is not left", () => {
  const backend = { hasProxysKey: false, exposedName: "own" };
  const fields = fieldsOf("X-LLM-Proxy-Backend: false", "Content-Type: application/json");
  assertEquals(
    linesOf(clientFields(fields, { ...CONTEXT, backend })).filter((line) => /backend/i.test(line)),
    ["x-llm-proxy-backend: own"],
  );
});

const INERT = [
  "application/json",
  "application/json; charset=utf-8",
  "Application/JSON;charset=UTF-8",
  "application/json ;",
  "application/problem+json",
  "application/vnd.api+json",
  "application/x-ndjson",
  "application/jsonl",
  "text/event-stream",
  "text/event-stream; charset=utf-8",
  "audio/mpeg",
  "video/mp4",
  "image/png",
  "image/webp",
  "application/pdf",
  "font/woff2",
  "application/octet-stream",
  "application/zip",
  "application/x-protobuf",
  "application/protobuf",
  "application/vnd.google.protobuf",
  "application/grpc",
  "application/grpc-web+proto",
  "application/vnd.amazon.eventstream",
];
const LIVE: readonly string[][] = [
  [],
  ["text/html"],
  ["text/html; charset=utf-8"],
  ["TEXT/HTML"],
  ["text/plain"],
  ["text/xml"],
  ["application/xml"],
  ["application/xhtml+xml"],
  ["application/atom+xml"],
  ["image/svg+xml"],
  ["IMAGE/SVG+XML; charset=utf-8"],
  ["text/javascript"],
  ["application/javascript"],
  ["application/wasm"],
  ["text/css"],
  ["text/event-stream-html"],
  ["multipart/x-mixed-replace; boundary=x"],
  ["multipart/form-data; boundary=x"],
  ["message/rfc822"],
  ["application/x-shockwave-flash"],
  ["application/json, text/html"],
  ['application/json; a=", text/html; b="'],
  ["application/json", "text/html"],
  ["application/json", "application/json"],
  ["application/json text/html"],
  ["application/ json"],
  ["application /json"],
  ["application//json"],
  ["application/json/x"],
  ["application"],
  ["/json"],
  ["json"],
  ["unknown/unknown"],
  ["*/*"],
  [""],
  [";"],
  ["text/html;application/json"],
  ["\u00a0application/json"],
  ["application/jsonx"],
  ["xapplication/json"],
  ["image/"],
];

for (const type of INERT) {
  Deno.test(`answers: ${JSON.stringify(type)} passes without a sandbox`, () => {
    assert(isInert(fieldsOf(`Content-Type: ${type}`)));
    const lines = linesOf(clientFields(fieldsOf(`Content-Type: ${type}`), CONTEXT)).join("\n");
    assert(!/nosniff|sandbox/.test(lines), lines);
  });
}
for (const types of LIVE) {
  Deno.test(`answers: ${JSON.stringify(types)} is put into a sandbox, unless it has no body`, () => {
    const fields = types.map((value) => ({ name: "Content-Type", lower: "content-type", value }));
    assert(!isInert(fields));
    const policy = ["x-content-type-options: nosniff", "content-security-policy: sandbox"];
    const added = (hasBody: boolean) =>
      linesOf(clientFields(fields, { ...CONTEXT, hasBody })).filter((line) => policy.includes(line));
    assertEquals([added(true), added(false)], [policy, []]);
  });
}

Deno.test("answers: the provider's policy stays beside the proxy's, and nosniff comes once and first", () => {
  const fields = fieldsOf(
    "Content-Type: text/html",
    "Content-Security-Policy: sandbox allow-scripts",
    "X-Content-Type-Options: sniff",
  );
  assertEquals(linesOf(clientFields(fields, CONTEXT)), [
    "Content-Type: text/html",
    "Content-Security-Policy: sandbox allow-scripts",
    "x-content-type-options: nosniff",
    "content-security-policy: sandbox",
    "x-request-id: req_1",
  ]);
});

Deno.test("answers: a provider's nosniff stays as it is", () => {
  const lines = ["X-Content-Type-Options: NoSniff", "x-content-type-options: nosniff", "x-request-id: its"];
  assertEquals(linesOf(clientFields(fieldsOf(...lines), CONTEXT)), [
    ...lines,
    "content-security-policy: sandbox",
  ]);
});

Deno.test("answers: a nosniff behind another value does not count, because browsers use only the first value", () => {
  for (
    const lines of [["X-Content-Type-Options: sniff, nosniff"], [
      "X-Content-Type-Options: sniff",
      "X-Content-Type-Options: nosniff",
    ]]
  ) {
    assertEquals(linesOf(clientFields(fieldsOf(...lines, "x-request-id: its"), CONTEXT)), [
      "x-request-id: its",
      "x-content-type-options: nosniff",
      "content-security-policy: sandbox",
    ]);
  }
});
