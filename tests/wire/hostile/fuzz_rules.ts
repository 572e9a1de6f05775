/**
 * What holds for everything that the handler sends, whatever it was asked. Written without the proxy's own
 * code.
 */

import { assert, assertEquals } from "@std/assert";
import type { UpstreamRequest } from "../../../src/forwarding/transport/transport.ts";
import { type Field, isFramingField } from "../../../src/http/fields.ts";
import type { OutgoingReply } from "../../../src/http/message.ts";
import { CLIENT_KEY, PROVIDER_KEYS, RULES, TOKENS } from "./fuzz_credentials.ts";

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^\/[\x21-\x7e\x80-\xff]*$/;
const CREDENTIAL_FIELDS = new Set(["authorization", "x-api-key", "api-key", "x-goog-api-key"]);
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "host",
  "expect",
]);
/** What the proxy answers by itself without that anything went wrong. */
const OWN_PAGES = new Set(["/", "/healthz", "/health", "/readyz"]);

/** Every request to an upstream goes to where it may, and carries what it may. */
export function checkSent({ method, origin, target, fields }: UpstreamRequest): void {
  const rule = RULES.get(origin);
  assert(rule !== undefined, `an origin that nobody configured: ${origin}`);
  assert(TOKEN.test(method) && !["CONNECT", "TRACE", "TRACK"].includes(method), `the method ${method}`);
  assert(TARGET.test(target) && !target.includes("#"), `no target: ${JSON.stringify(target)}`);
  checkPath(target.split("?")[0] ?? "", rule.path);
  checkFields(fields);
  assert(!fields.some(({ lower }) => isFramingField(lower)), "framing among the fields");

  const text = `${target}\n${fields.map(({ name, value }) => `${name}: ${value}`).join("\n")}`;
  assert(!fields.some(({ lower }) => lower === "x-llm-proxy-token"), "the upstream got x-llm-proxy-token");
  for (const token of TOKENS) assertLacks(text, token, "the upstream got a token of the proxy's");
  for (const key of PROVIDER_KEYS) {
    if (key !== rule.key) assertLacks(text, key, "the upstream got another one's key");
  }
  if (rule.key === undefined) return;
  assertLacks(text, CLIENT_KEY, "the upstream got the client's own key");
  const value = rule.keyField === "authorization" ? `Bearer ${rule.key}` : rule.key;
  assertEquals(
    fields.filter(({ lower }) => CREDENTIAL_FIELDS.has(lower)).map((one) => [one.lower, one.value]),
    rule.key === null ? [] : [[rule.keyField, value]],
    "the upstream's credentials",
  );
}

function checkPath(path: string, base: string): void {
  assert(path === base || path.startsWith(`${base}/`), `outside of ${base}: ${path}`);
  const decoded = percentDecoded(path);
  assert(!decoded.includes("\\"), `a backslash: ${path}`);
  assert([...decoded].every((sign) => sign >= " " && sign !== "\x7f"), `a control character: ${path}`);
  for (const segment of decoded.split("/")) {
    assert(!/^\.{1,2}(?:;|$)/.test(segment), `a segment that means a folder: ${path}`);
  }
}

function checkFields(fields: readonly Field[]): void {
  for (const { name, lower, value } of fields) {
    assert(TOKEN.test(name) && lower === name.toLowerCase(), `a field's name: ${JSON.stringify(name)}`);
    assert(
      VALUE.test(value) && value === value.replace(/^[ \t]+|[ \t]+$/g, ""),
      `a value: ${JSON.stringify(value)}`,
    );
    assert(!HOP_BY_HOP.has(lower) && !lower.startsWith("proxy-"), `a field of the connection's: ${name}`);
  }
}

/** Every answer is well-formed and says nothing that its reader must not know. */
export function checkReply(
  { status, reason, fields, body }: OutgoingReply,
  { text, sent, target }: { text: string; sent: readonly UpstreamRequest[]; target: string },
): void {
  assert(Number.isInteger(status) && status >= 200 && status <= 599, `the status ${status}`);
  assert(VALUE.test(reason), `the reason ${JSON.stringify(reason)}`);
  checkFields(fields);
  const told = `${reason}\n${fields.map(({ name, value }) => `${name}: ${value}`).join("\n")}\n${text}`;
  for (const key of PROVIDER_KEYS) assertLacks(told, key, "the client got a key of the proxy's");
  for (const token of TOKENS) assertLacks(told, token, "the client got a token");
  const codes = fields.filter(({ lower }) => lower === "x-llm-proxy-error").map(({ value }) => value);
  if (codes.length > 0) {
    assertEquals(codes.length, 1);
    assert(status >= 400 && body instanceof Uint8Array, "an error of the proxy's own");
    assertEquals(fields.filter(({ lower }) => lower === "content-type").map(({ value }) => value), [
      "application/json",
    ]);
    assertEquals(typeof JSON.parse(text).error.message, "string");
    return;
  }
  const isOwnPage = status === 200 && OWN_PAGES.has(pathOf(target));
  const isPreflight = status === 204 && fields.some(({ lower }) => lower === "access-control-allow-methods");
  assert(sent.length > 0 || isOwnPage || isPreflight, `a ${status} that nobody gave`);
}

function pathOf(target: string): string {
  const path = target.replace(/^https?:\/\/[^/?#]+/i, "").split("?")[0];
  return path === undefined || path === "" ? "/" : path;
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)));
}

function assertLacks(text: string, secret: string, what: string): void {
  const hasIt = text.includes(secret) || text.includes("%") && percentDecoded(text).includes(secret) ||
    text.includes(btoa(secret)) || text.includes(btoa(`user:${secret}`));
  assert(!hasIt, what);
}
