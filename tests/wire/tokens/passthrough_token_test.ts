/**
 * Endpoints that pass the client's own key on: the proxy's token never goes with it, in whatever spelling.
 */

import { assert, assertEquals } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { RawClient } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const ownEngine = ownEngineTests("headers");

const TOKEN = SECRETS.proxyToken;
const OWN = SECRETS.clientKey;
const PROXY_AUTHORIZATION = `Proxy-Authorization: Bearer ${TOKEN}`;
const TARGET = "/openai/v1/models";

const percent = (text: string) =>
  [...text].map((sign) => `%${sign.charCodeAt(0).toString(16).padStart(2, "0")}`).join("");
const base64 = (text: string) => btoa(text);
const base64url = (text: string) => new TextEncoder().encode(text).toBase64({ alphabet: "base64url" });
const bare = (text: string) => text.replace(/=+$/, "");
const hex = (text: string) => new TextEncoder().encode(text).toHex();
const mixed = (text: string) => `%${text.charCodeAt(0).toString(16).toUpperCase()}${text.slice(1)}`;

/** What is sent besides the token in `Proxy-Authorization`: lines of the head, or another target. */
interface Spelling {
  readonly lines?: readonly string[];
  readonly target?: string;
  readonly method?: string;
  /** Where the token is known and taken out, the request goes on without it. */
  readonly passes?: true;
}

const line = (...lines: string[]): Spelling => ({ lines });
const target = (text: string): Spelling => ({ target: text });

const SPELLINGS: readonly Spelling[] = [
  // Known, and taken out.
  { lines: [`Authorization: Bearer ${TOKEN}`], passes: true },
  { lines: [`Authorization: bEARER   ${TOKEN}`], passes: true },
  { lines: [`X-Api-Key: ${TOKEN}`], passes: true },
  { lines: [`Api-Key: \t ${TOKEN} \t`], passes: true },
  { lines: [`X-Goog-Api-Key: ${TOKEN}`], passes: true },
  { lines: [`X-LLM-Proxy-Token: ${TOKEN}`], passes: true },
  { target: `${TARGET}?key=${TOKEN}&a=1`, passes: true },
  { target: `${TARGET}?k%65y=${percent(TOKEN)}`, passes: true },
  { lines: [`Sec-WebSocket-Protocol: a, openai-insecure-api-key.${TOKEN}, b`], passes: true },
  { lines: [`Connection: close, X-Named`, `X-Named: ${TOKEN}`], passes: true },
  { lines: [`Cookie: llm_proxy_session=${TOKEN}; a=1`], passes: true },
  { lines: [`Proxy-Authorisation: Bearer ${TOKEN}`], passes: true },
  // Not in form.
  line(`Authorization: ${TOKEN}`),
  line(`Authorization: Bearer\t${TOKEN}`),
  line(`Authorization: Bearer "${TOKEN}"`),
  line(`Authorization: Bearer '${TOKEN}'`),
  line(`Authorization: Bearer ${OWN} ${TOKEN}`),
  line(`Authorization: Bearer ${TOKEN} ${OWN}`),
  line(`Authorization: Bearer ${OWN}, Bearer ${TOKEN}`),
  line(`Authorization: Bearer ${OWN}`, `Authorization: Bearer ${TOKEN}`),
  line(`Authorization: Bearer ${TOKEN}`, `Authorization: Bearer ${TOKEN}`),
  line(`Authorization: "Bearer ${TOKEN}"`),
  line(`Authorization: Bearer:${TOKEN} x`),
  line(`X-Api-Key: Bearer ${TOKEN}`),
  line(`X-Api-Key: "${TOKEN}"`),
  line(`X-Api-Key: ${OWN},${TOKEN}`),
  line(`X-Api-Key: ${OWN}`, `x-api-key: ${TOKEN}`),
  line(`Api-Key: '${TOKEN}'`),
  line(`X-Goog-Api-Key: ${OWN} ${TOKEN}`),
  line(`Proxy-Authorization: Bearer ${TOKEN}`),
  line(`Proxy-Authorization: Basic ${base64(`u:${TOKEN}`)}`),
  line(`X-LLM-Proxy-Token: Bearer ${TOKEN}`),
  line(`X-LLM-Proxy-Token: ${TOKEN}`, `X-LLM-Proxy-Token: ${TOKEN}`),
  line(`X-LLM-Proxy-Tokens: ${TOKEN}`),
  target(`${TARGET}?key=${OWN}&key=${TOKEN}`),
  target(`${TARGET}?key=${TOKEN}&%6bey=${TOKEN}`),
  // In form, in the places of credentials.
  line(`Authorization: Token ${TOKEN}`),
  line(`Authorization: Bearer x${TOKEN}`),
  line(`Authorization: Bearer ${TOKEN}x`),
  line(`Authorization: Bearer ${percent(TOKEN)}`),
  line(`Authorization: Bearer ${mixed(TOKEN)}`),
  line(`Authorization: Bearer ${percent(percent(TOKEN))}`),
  line(`Authorization: Bearer ${base64(TOKEN)}`),
  line(`Authorization: Basic ${base64(`anna:${TOKEN}`)}`),
  line(`Authorization: basic ${base64(`${TOKEN}:`)}`),
  line(`Authorization: Basic ${bare(base64(`a:${TOKEN}`))}`),
  line(`Authorization: Basic ${bare(base64(`ab:${TOKEN}`))}`),
  line(`Authorization: Basic ${base64url(`abc:${TOKEN}:x`)}`),
  line(`Authorization: Digest a="x ${TOKEN}"`),
  line(`Authorization: Digest a=1, token=${TOKEN}`),
  line(`Authorization: Custom ${hex(TOKEN)}`),
  line(`X-Api-Key: Bearer:${TOKEN}`),
  line(`X-Api-Key: ${OWN}:${TOKEN}`),
  line(`X-Api-Key: ${base64(TOKEN)}`),
  line(`X-Api-Key: ${percent(TOKEN)}`),
  line(`Api-Key: ${hex(TOKEN).toUpperCase()}`),
  line(`X-Goog-Api-Key: ${base64url(TOKEN)}`),
  target(`${TARGET}?key=x${TOKEN}`),
  target(`${TARGET}?key=Bearer%20${TOKEN}`),
  target(`${TARGET}?key=${percent(percent(TOKEN))}`),
  { lines: ["Sec-Fetch-Mode: navigate"], target: `${TARGET}?key=${TOKEN}` },
  // Elsewhere.
  line(`X-Token: ${TOKEN}`),
  line(`X-Other: a, b;c="${TOKEN}"`),
  line(`X-Other: "\\${[...TOKEN].join("\\")}"`),
  line(`X-Other: ${percent(TOKEN)}`),
  line(`X-Other: ${percent(TOKEN).toUpperCase().replaceAll("%", "%25")}`),
  line(`X-Other: ${base64(TOKEN)}`),
  line(`X-Other: a:${base64(`x${TOKEN}`)}`),
  line(`X-Other: a,${base64url(`xy${TOKEN}z`)}`),
  line(`X-Other: ${percent(base64(TOKEN))}`),
  line(`X-${TOKEN}: 1`),
  line(`Cookie: a=${TOKEN}`),
  line(`Cookie: a=1; b=${base64(TOKEN)}`),
  line(`Referer: http://proxy.test/?key=${TOKEN}`),
  line(`User-Agent: ${TOKEN}`),
  line(`Sec-WebSocket-Protocol: ${TOKEN}`),
  line(`Sec-WebSocket-Protocol: openai-insecure-api-key.x${TOKEN}`),
  line(`X-Original-Authorization: Bearer ${TOKEN}`),
  line(`Content-Type: application/json; token="${TOKEN}"`),
  line(`X-Other: one`, `X-Other: ${TOKEN}`),
  target(`/openai/v1/${TOKEN}/models`),
  target(`/openai/v1/${percent(TOKEN)}`),
  target(`/openai/v1/${mixed(TOKEN)}`),
  target(`/openai/v1/${base64url(TOKEN)}`),
  target(`${TARGET}?${TOKEN}`),
  target(`${TARGET}?api_key=${TOKEN}`),
  target(`${TARGET}?KEY=${TOKEN}`),
  target(`${TARGET}?key[]=${TOKEN}`),
  target(`${TARGET}?a=${percent(TOKEN)}`),
  target(`${TARGET}?a=${percent(percent(TOKEN))}`),
  target(`${TARGET}?a=${percent(base64(`u:${TOKEN}`))}`),
  target(`${TARGET}?a=1;key=${TOKEN}`),
  { method: TOKEN },
];

/** Whether a text holds the token in any spelling: written apart from what the proxy looks with. */
function holdsToken(text: string): boolean {
  const unquoted = (value: string) =>
    value.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  const readings = [text];
  for (let round = 0; round < 3; round++) readings.push(unquoted(readings.at(-1) ?? ""));
  for (const reading of [...readings]) readings.push(reading.replaceAll("\\", ""));
  return readings.some((reading) => {
    if (reading.toLowerCase().includes(TOKEN.toLowerCase())) return true;
    if (reading.toLowerCase().includes(hex(TOKEN))) return true;
    return (reading.match(/[A-Za-z0-9+/_-]{16,}/g) ?? []).some((word) => {
      const digits = word.replaceAll("-", "+").replaceAll("_", "/");
      return [0, 1, 2, 3].some((from) => {
        const whole = digits.slice(from);
        return atob(whole.slice(0, whole.length - whole.length % 4)).includes(TOKEN.slice(0, -3));
      });
    });
  });
}

Deno.test("what looks for the token in this file finds it in every spelling that is not taken out", () => {
  for (const { lines = [], target = "", method = "", passes } of SPELLINGS) {
    const text = [method, target, ...lines].join("\n");
    assert(passes || text.includes("navigate") || holdsToken(text), text);
  }
  assert(!holdsToken(`GET /v1/models?key=${OWN} HTTP/1.1\r\nAuthorization: Basic ${base64(`u:${OWN}`)}`));
});

Deno.test(`passthrough: the proxy's token goes upstream in none of ${SPELLINGS.length} spellings`, async () => {
  assert(SPELLINGS.length >= 60);
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      exchange.write(plainAnswer("{}", { headers: "Content-Type: application/json\r\n" })),
  });
  await using proxy = new LocalProxy(upstream);
  for (const { lines = [], target = TARGET, method = "GET", passes } of SPELLINGS) {
    const before = upstream.requests.length;
    upstream.received = "";
    using client = await RawClient.connect(proxy.url);
    const head = [`${method} ${target} HTTP/1.1`, "Host: proxy.test", PROXY_AUTHORIZATION, ...lines];
    if (!lines.some((text) => text.startsWith("Connection:"))) head.push("Connection: close");
    await client.send([...head, "", ""].join("\r\n"));
    const answer = await client.answer();
    // Encoded it is part of the path in the log; and here it is the method, too.
    proxy.log.length = 0;
    const what = head.join("\n");
    assert(!holdsToken(upstream.received), `${what}\nsent ${upstream.received}`);
    const error = answer.header("x-llm-proxy-error");
    assertEquals([answer.status, error], passes ? [200, undefined] : [400, "bad_request"], what);
    assertEquals(upstream.requests.length - before, passes ? 1 : 0, what);
    assert(!holdsToken(answer.text), answer.text);
  }
});

ownEngine.test("passthrough: what a client's own credentials look like, they go on as they are", async () => {
  await using upstream = new FakeUpstream({
    script: (exchange) =>
      exchange.write(plainAnswer("{}", { headers: "Content-Type: application/json\r\n" })),
  });
  await using proxy = new LocalProxy(upstream);
  for (
    const sent of [
      `Authorization: Bearer ${OWN}`,
      `Authorization: Basic ${base64(`anna:${OWN}`)}`,
      "Authorization: AWS4-HMAC-SHA256 Credential=AK/2026/eu/bedrock/aws4_request, SignedHeaders=host;x-date, Signature=0f",
      `X-Api-Key: ${OWN}`,
      `Api-Key: ${OWN}`,
      `X-Goog-Api-Key: ${OWN}`,
      `X-Other: "a, b", ${base64("anything at all, and long")}, %41%`,
    ]
  ) {
    using client = await RawClient.connect(proxy.url);
    await client.send(
      `GET ${TARGET}?key=${OWN}&a=%25 HTTP/1.1\r\nHost: proxy.test\r\nConnection: close\r\n${PROXY_AUTHORIZATION}\r\n${sent}\r\n\r\n`,
    );
    assertEquals((await client.answer()).status, 200, sent);
    const request = upstream.requests.at(-1);
    assert(request?.raw.includes(`${sent}\r\n`), request?.raw);
    assertEquals(request?.target, `/openai/v1/models?key=${OWN}&a=%25`);
  }
});
