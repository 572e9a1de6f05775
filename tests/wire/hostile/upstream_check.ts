import { assert, assertEquals } from "@std/assert";
import { SECRETS } from "../../support/data/secrets.ts";
import { type ReadRequest, valuesOf } from "./strict_reading.ts";

/** Fields that belong to the client's connection or to its proxy. */
const NEVER_FORWARDED = [
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "upgrade",
  "expect",
  "x-llm-proxy-token",
];
const KEY_FIELDS = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];
/** The base path of each endpoint, with the only field that may hold a credential there. */
const BASES = [
  { base: "/openai/v1", keyField: "authorization", value: `Bearer ${SECRETS.openaiKey}` },
  { base: "/anthropic", keyField: "x-api-key", value: SECRETS.openaiKey },
  { base: "/gemini", keyField: "x-goog-api-key", value: SECRETS.openaiKey },
];

/** What holds for each request of the proxy's, whatever made the proxy send it. */
export function checkRequest({ target, fields }: ReadRequest, host: string): void {
  assertEquals(valuesOf(fields, "host"), [host], "the upstream's host field");
  for (const [lower] of fields) {
    assert(!NEVER_FORWARDED.includes(lower) && !lower.startsWith("proxy-"), `the upstream got ${lower}`);
  }
  const endpoint = BASES.find(({ base }) => new RegExp(`^${base}(?:[/?]|$)`).test(target));
  assert(endpoint !== undefined, `outside of every base path: ${target}`);
  const credentials = fields.filter(([lower]) => KEY_FIELDS.includes(lower));
  assertEquals(credentials, [[endpoint.keyField, endpoint.value]], "the upstream's credentials");
  assert(!/[?&]key=/.test(target), "the upstream got a key in its query");
  assert(
    !/%2e%2e|\/\.\.?(?:[/?;]|$)|\\|%5c/i.test(target.replace(/\?.*/, "")),
    `a target that may move: ${target}`,
  );
}
