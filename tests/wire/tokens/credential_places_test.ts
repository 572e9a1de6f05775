/**
 * Every place of the table in src/config/credential_places.ts: what a token there does, and where it never
 * goes.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { CREDENTIAL_PLACES, type CredentialPlace } from "../../../src/config/credential_places.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { engineToTest } from "../../support/proxies/engine.ts";
import { LocalProxy, type LocalProxyOptions } from "../../support/proxies/local_proxy.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

const TOKEN = SECRETS.proxyToken;
const OWN = SECRETS.clientKey;
const OWN_LINE = `Authorization: Bearer ${OWN}`;
const TOKEN_HEADER = `X-LLM-Proxy-Token: ${TOKEN}`;
const PROXY_AUTHORIZATION = `Proxy-Authorization: Bearer ${TOKEN}`;

// `Object.keys` has no narrower type, and the table is a literal.
const PLACES = Object.keys(CREDENTIAL_PLACES) as CredentialPlace[];

/** The query and the header lines of a request with a credential in a place. */
function placed(place: CredentialPlace, value: string): { query: string; lines: string[] } {
  switch (CREDENTIAL_PLACES[place].form) {
    case "bearer":
      return { query: "", lines: [`${place}: Bearer ${value}`] };
    case "word":
      return { query: "", lines: [`${place}: ${value}`] };
    case "query":
      return { query: `?key=${value}`, lines: [] };
    case "subprotocol":
      return { query: "", lines: [`sec-websocket-protocol: realtime, openai-insecure-api-key.${value}`] };
  }
}

type Ask = (lines: readonly string[], query?: string) => ReturnType<typeof rawRequest>;

/** A proxy in front of an upstream that answers everything. The log of the proxy is searched at the end. */
async function withProxy(
  options: LocalProxyOptions,
  test: (ask: Ask, parts: { upstream: FakeUpstream; proxy: LocalProxy }) => Promise<void>,
): Promise<void> {
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      exchange.write(plainAnswer("{}", { headers: "Content-Type: application/json\r\n" })),
  });
  await using proxy = new LocalProxy(upstream, options);
  await test(
    (lines, query = "") => rawRequest(proxy.url, [`GET /openai/v1/models${query} HTTP/1.1`, ...lines]),
    { upstream, proxy },
  );
}

for (const place of PLACES) {
  Deno.test(`${place}: a token admits, goes to no upstream and into no log`, () =>
    withProxy({ apiKey: SECRETS.openaiKey }, async (ask, { upstream }) => {
      const { query, lines } = placed(place, TOKEN);
      assertEquals((await ask(lines, query)).status, 200);
      const [request] = upstream.requests;
      assertEquals(request?.header("authorization"), `Bearer ${SECRETS.openaiKey}`);
      assert(!upstream.received.includes(TOKEN), upstream.received);
    }));

  Deno.test(`${place}: a wrong token is a 401 that names the place, and after five the address waits`, () =>
    withProxy({ apiKey: SECRETS.openaiKey }, async (ask, { upstream }) => {
      for (let round = 0; round < 5; round++) {
        const { query, lines } = placed(place, `wrong-${round}`);
        const answer = await ask(lines, query);
        assertEquals([answer.status, answer.text.includes(`(${place})`)], [401, true]);
        assert(!answer.text.includes("wrong-"), answer.text);
      }
      const { query, lines } = placed(place, "wrong-5");
      assertEquals((await ask(lines, query)).status, 429);
      assertEquals(upstream.requests, []);
    }));

  const isOfProxy = CREDENTIAL_PLACES[place].of === "proxy";

  Deno.test(`passthrough, ${place}: ${isOfProxy ? "admits, and" : "does not admit, and"} no upstream gets the token`, () =>
    withProxy({}, async (ask, { upstream }) => {
      const { query, lines } = placed(place, TOKEN);
      const own = place === "authorization" ? [] : [OWN_LINE];
      const answer = await ask([...lines, ...own], query);
      assertEquals(answer.status, isOfProxy ? 200 : 401);
      assertEquals(upstream.requests[0]?.header("authorization"), isOfProxy ? `Bearer ${OWN}` : undefined);
      assert(!upstream.received.includes(TOKEN), upstream.received);
      // Beside a valid token in each of the other headers it is stripped.
      for (const valid of [TOKEN_HEADER, PROXY_AUTHORIZATION]) {
        if (valid.toLowerCase().startsWith(`${place}:`)) continue;
        assertEquals((await ask([...lines, ...own, valid], query)).status, 200);
        assert(!upstream.received.includes(TOKEN), upstream.received);
      }
    }));

  Deno.test(`passthrough, ${place}: ${isOfProxy ? "no value goes upstream" : "the client's key goes upstream"}`, () =>
    withProxy({}, async (ask, { upstream }) => {
      const { query, lines } = placed(place, OWN);
      const valid = place === "x-llm-proxy-token" ? PROXY_AUTHORIZATION : TOKEN_HEADER;
      assertEquals((await ask([...lines, valid], query)).status, 200);
      assertEquals(upstream.received.includes(OWN), !isOfProxy);
      assert(!upstream.received.includes(TOKEN), upstream.received);
    }));
}

for (
  const [what, options] of [["passthrough", {}], ["an injected key", { apiKey: SECRETS.openaiKey }]] as const
) {
  Deno.test(`x-llm-proxy-token: with auth = "none" and ${what} it goes to no upstream either`, () =>
    withProxy({ ...options, auth: { mode: "none" } }, async (ask, { upstream }) => {
      assertEquals((await ask([`X-LLM-Proxy-Token: ${OWN}`])).status, 200);
      assert(!/x-llm-proxy-token/i.test(upstream.received), upstream.received);
    }));
}

Deno.test("x-llm-proxy-token: beside the client's own key at a passthrough endpoint, the key is untouched", () =>
  withProxy({}, async (ask, { upstream }) => {
    const own = ["Authorization: Bearer  sk-ant-oat01-own", "X-Api-Key: own-2", "X-Other: 1"];
    assertEquals((await ask([...own, TOKEN_HEADER], "?key=own-3")).status, 200);
    const [request] = upstream.requests;
    for (const line of own) {
      assert(request?.raw.includes(`${line}\r\n`) || engineToTest() === "deno", request?.raw);
    }
    assertEquals(request?.target, "/openai/v1/models?key=own-3");
  }));

Deno.test("x-llm-proxy-token: it holds the token alone, once", () =>
  withProxy({}, async (ask, { upstream }) => {
    for (const value of [`Bearer ${TOKEN}`, `${TOKEN} x`, `${TOKEN}, ${TOKEN}`]) {
      const answer = await ask([OWN_LINE, `X-LLM-Proxy-Token: ${value}`]);
      assertEquals(answer.status, 400, value);
      assertMatch(answer.text, /send x-llm-proxy-token once, as the token of this proxy without a scheme/);
    }
    assertEquals((await ask([OWN_LINE, TOKEN_HEADER, TOKEN_HEADER])).status, 400);
    assertEquals(upstream.requests, []);
  }));

Deno.test("x-llm-proxy-token: both headers may hold the token, and one valid token is enough", () =>
  withProxy({}, async (ask, { upstream }) => {
    assertEquals((await ask([OWN_LINE, TOKEN_HEADER, PROXY_AUTHORIZATION])).status, 200);
    assertEquals((await ask([OWN_LINE, "X-LLM-Proxy-Token: wrong-one", PROXY_AUTHORIZATION])).status, 200);
    assertEquals((await ask([OWN_LINE, TOKEN_HEADER, "Proxy-Authorization: Bearer wrong-two"])).status, 200);
    assert(!/wrong-/.test(upstream.received) && !upstream.received.includes(TOKEN), upstream.received);
  }));

Deno.test("x-llm-proxy-token: at a passthrough endpoint, wrong tokens count as guesses, also beside a valid one", () =>
  withProxy({}, async (ask) => {
    for (let round = 0; round < 3; round++) {
      const answer = await ask([OWN_LINE, `X-LLM-Proxy-Token: guess-${round}`]);
      assertEquals([answer.status, answer.header("x-llm-proxy-error")], [401, "unauthorized"]);
      assertMatch(answer.text, /The token in the request \(x-llm-proxy-token\) is not valid for this proxy/);
    }
    for (let round = 3; round < 5; round++) {
      const valid = await ask([OWN_LINE, `X-LLM-Proxy-Token: guess-${round}`, PROXY_AUTHORIZATION]);
      assertEquals(valid.status, 200);
    }
    assertEquals((await ask([OWN_LINE, "X-LLM-Proxy-Token: guess-5"])).status, 429);
  }));

Deno.test("x-llm-proxy-token: a passthrough endpoint without a token says which header to send", () =>
  withProxy({}, async (ask) => {
    const { status, text } = await ask([OWN_LINE]);
    assertEquals(status, 401);
    assertMatch(text, /Send the proxy's token in x-llm-proxy-token: <token>, or in Proxy-Authorization/);
  }));

Deno.test("x-llm-proxy-token: a page of a listed origin may send it", () =>
  withProxy({ server: { corsOrigins: ["https://chat.example"] } }, async (_ask, { proxy }) => {
    const { status, header } = await rawRequest(proxy.url, [
      "OPTIONS /openai/v1/models HTTP/1.1",
      "Origin: https://chat.example",
      "Access-Control-Request-Method: GET",
      "Access-Control-Request-Headers: authorization,x-llm-proxy-token",
    ]);
    assertEquals([status, header("access-control-allow-headers")], [204, "authorization,x-llm-proxy-token"]);
  }));

Deno.test("x-llm-proxy-token: the log omits a token that is also in the path", () =>
  withProxy({}, async (_ask, { proxy }) => {
    const secret = "a-key-of-somebody-5839201";
    const request = [`GET /openai/${secret}/models HTTP/1.1`, OWN_LINE, `X-LLM-Proxy-Token: ${secret}`];
    assertEquals((await rawRequest(proxy.url, request)).status, 401);
    assertEquals(String((await proxy.logged("exchange")).path), "/openai/[redacted]/models");
  }));
