/** `filter_models` removes models from the list of an endpoint, and leaves all other bytes as they are. */

import { assertEquals, assertMatch } from "@std/assert";
import type { Dialect } from "../../../src/apis/dialects.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

const JSON_TYPE = 'Content-Type: application/json\r\nETag: "e"\r\nContent-MD5: m\r\n';

/**
 * The list that a token with the rule `a-*` gets of an upstream, which answers by the target of a request.
 */
async function listed(
  answers: (target: string) => string | { text: string; headers: string },
  { dialect = "openai", path = "/v1/models" }: { dialect?: Dialect; path?: string } = {},
): Promise<{ status: number; text: string; header: (name: string) => string | null; targets: string[] }> {
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      const answer = answers(exchange.request.target);
      const { text, headers } = typeof answer === "string" ? { text: answer, headers: JSON_TYPE } : answer;
      await exchange.write(plainAnswer(text, { headers }));
    },
  });
  const backend = testBackend(upstream.origin, { key: { mode: "inject", value: SECRETS.openaiKey } });
  await using proxy = await ManagedProxy.start(upstream, {
    endpoints: [testEndpoint("lab", [backend], { dialect, filterModels: true })],
  });
  const { value } = await proxy.token({ allowed_models: ["a-*"] });
  const response = await fetch(`${proxy.url}/lab${path}`, { headers: { authorization: `Bearer ${value}` } });
  const text = await response.text();
  return {
    status: response.status,
    text,
    header: (name) => response.headers.get(name),
    targets: upstream.requests.map(({ target }) => target),
  };
}

Deno.test("filter_models: cuts models out of the list, and headers that describe the provider's bytes are removed", async () => {
  const one = await listed(() => '{ "data" : [ {"id":"a-1","n":1.0} , {"id":"b"}, {"x":7} ],"n":1e400}');
  assertEquals(one.text, '{ "data" : [ {"id":"a-1","n":1.0} , {"x":7} ],"n":1e400}');
  assertEquals([one.header("etag"), one.header("content-md5"), one.header("content-length")], [
    null,
    null,
    String(one.text.length),
  ]);
  const google = await listed(() => '{"models":[{"name":"models/a-2"},{"name":"models/b"}]}', {
    dialect: "gemini",
    path: "/v1beta/models",
  });
  assertEquals(google.text, '{"models":[{"name":"models/a-2"}]}');
});

Deno.test("filter_models: a list without other models, and one model, pass as they are", async () => {
  const same = '{"data": [{"id":"a-1"}]}';
  const whole = await listed(() => same);
  assertEquals([whole.text, whole.header("etag")], [same, '"e"']);
  const single = await listed(() => `{"id":"b"}`, { path: "/v1/models/a-1" });
  assertEquals(single.text, '{"id":"b"}');
});

Deno.test("filter_models: the next page follows a page without allowed models", async () => {
  const page = (id: string, more: boolean) =>
    `{"data":[{"id":"${id}"}],"first_id":"${id}","last_id":"${id}","has_more":${more}}`;
  const { text, targets } = await listed(
    (target) => target.includes("after_id=b") ? page("a-1", false) : page("b", true),
    { dialect: "anthropic", path: "/v1/models?limit=1" },
  );
  assertEquals(text, page("a-1", false));
  assertEquals(targets, ["/v1/models?limit=1", "/v1/models?limit=1000&after_id=b"]);
});

for (
  const [what, answer, why] of [
    ["malformed JSON", '{"data":[{"id":"a-1"}', /it is malformed JSON/],
    ["another type", { text: "a", headers: "Content-Type: text/plain\r\n" }, /it is not JSON/],
    [
      "a compressed list",
      { text: "a", headers: `${JSON_TYPE}Content-Encoding: gzip\r\n` },
      /its content-encoding is gzip/,
    ],
  ] as const
) {
  Deno.test(`filter_models: ${what} is a 502`, async () => {
    const { status, text } = await listed(() => answer);
    assertEquals(status, 502);
    assertMatch(text, /filter_models must remove models from this list, and the proxy cannot read it: /);
    assertMatch(text, why);
  });
}
