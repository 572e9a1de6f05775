/** Which addresses may use the proxy, and how it slows down clients that guess tokens. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { LocalProxy, type LocalProxyOptions } from "../../support/proxies/local_proxy.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { type RawAnswer, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const ownEngine = ownEngineTests("headers");

const TOKEN = `Authorization: Bearer ${SECRETS.proxyToken}`;

async function withProxy(
  options: LocalProxyOptions,
  test: (
    ask: (...lines: string[]) => Promise<RawAnswer>,
    parts: { proxy: LocalProxy; upstream: FakeUpstream },
  ) => Promise<void>,
): Promise<void> {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  await using proxy = new LocalProxy(upstream, { apiKey: SECRETS.openaiKey, ...options });
  await test((...lines) => rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", ...lines]), {
    proxy,
    upstream,
  });
}

Deno.test("allowed_ips: an unlisted address gets a 403 with any token; the health routes still respond", () =>
  withProxy({ server: { allowedIps: ["192.0.2.0/24"] } }, async (ask, { proxy, upstream }) => {
    const answer = await ask(TOKEN);
    assertEquals([answer.status, answer.header("x-llm-proxy-error")], [403, "forbidden"]);
    assertMatch(answer.text, /Your address 127\.0\.0\.1 is not allowed to use this proxy/);
    assertEquals((await ask()).status, 403, "nobody learns whether a token is right");
    assertEquals((await rawRequest(proxy.url, ["GET /healthz HTTP/1.1"])).status, 200);
    assertEquals(upstream.requests, []);
    proxy.configure({ ...proxy.config, server: { ...proxy.config.server, allowedIps: ["127.0.0.0/8"] } });
    assertEquals((await ask(TOKEN)).status, 200, "a reload holds at once");
  }));

Deno.test("allowed_ips: the log of a rejected request omits a credential that is also in its path", () =>
  withProxy({ server: { allowedIps: ["192.0.2.0/24"] } }, async (_ask, { proxy }) => {
    const secret = "a-key-of-somebody-5839201";
    const request = [`GET /openai/${secret}/models HTTP/1.1`, `Authorization: Bearer ${secret}`];
    assertEquals((await rawRequest(proxy.url, request)).status, 403);
    const paths = proxy.log.filter(({ event }) => event === "exchange").map(({ path }) => String(path));
    assertEquals([paths.length, paths.filter((path) => path.includes(secret))], [1, []]);
  }));

Deno.test("trusted_proxies: behind one the address of the client counts; X-Forwarded-For of others is ignored", async () => {
  const allowedIps = ["192.0.2.0/24"];
  const forwarded = "X-Forwarded-For: 198.51.100.7, 192.0.2.1";
  await withProxy({ server: { allowedIps, trustedProxies: ["127.0.0.1"] } }, async (ask, { proxy }) => {
    assertEquals((await ask(TOKEN, forwarded)).status, 200);
    assertEquals((await ask(TOKEN, "X-Forwarded-For: 192.0.2.1, 198.51.100.7")).status, 403);
    assertEquals((await ask(TOKEN)).status, 403, "the proxy itself is not listed");
    const clients = proxy.log.filter(({ event }) => event === "exchange").map(({ client }) => client);
    assertEquals(clients, ["192.0.2.1", "198.51.100.7", "127.0.0.1"], "the log has the client's address");
  });
  await withProxy({ server: { allowedIps } }, async (ask) => {
    assertEquals((await ask(TOKEN, forwarded)).status, 403);
  });
});

Deno.test("wrong tokens: five are free, then the address waits longer each time, with the right token too", () =>
  withProxy({}, async (ask, { upstream }) => {
    const guess = (value: string) => ask(`X-Api-Key: ${value}`);
    for (let round = 0; round < 5; round++) assertEquals((await guess(`guess ${round}`)).status, 401);
    for (const answer of [await ask(TOKEN), await guess("guess 6"), await guess("guess 1")]) {
      assertEquals([answer.status, answer.header("x-llm-proxy-error")], [429, "rate_limited"]);
      const seconds = Number(answer.header("retry-after"));
      assert(seconds > 10 && seconds <= 15, `${seconds}`);
    }
    assertEquals((await ask()).status, 401, "who sends none is told what is wanted");
    assertEquals(upstream.requests, []);
  }));

Deno.test("wrong tokens: a client that repeats one old token locks no client out", () =>
  withProxy({}, async (ask) => {
    for (let round = 0; round < 30; round++) assertEquals((await ask("X-Api-Key: the old one")).status, 401);
    assertEquals((await ask(TOKEN)).status, 200);
  }));

ownEngine.test("wrong tokens: each one in a request counts, and a request with too many is rejected unchecked", () =>
  withProxy({}, async (ask) => {
    const six = Array.from({ length: 6 }, (_, index) => `X-Api-Key: guess ${index}`);
    assertEquals((await ask(...six)).status, 401);
    assertEquals((await ask(TOKEN)).status, 429);
  }));

ownEngine.test("wrong tokens: a right one among more than sixteen is rejected", () =>
  withProxy({}, async (ask) => {
    const many = Array.from({ length: 16 }, () => "X-Api-Key: x");
    const answer = await ask(...many, TOKEN);
    assertEquals(answer.status, 401);
    assertMatch(answer.text, /16 in total/);
    assertEquals((await ask(...many.slice(1), TOKEN)).status, 200);
    const different = Array.from({ length: 4 }, (_, index) => `X-Api-Key: guess ${index}`);
    assertMatch((await ask(...different, TOKEN)).text, /more than 4 different tokens/);
  }));

Deno.test("wrong tokens: guesses beside a valid token count, so that its owner cannot find the tokens of others", () =>
  withProxy({}, async (ask) => {
    for (let round = 0; round < 5; round++) {
      assertEquals((await ask(TOKEN, `X-Api-Key: guess ${round}`)).status, 200);
    }
    assertEquals((await ask(TOKEN, "X-Api-Key: guess 5")).status, 429);
  }));

Deno.test("wrong tokens: keys that a client sends to its provider are not guesses", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  await using proxy = new LocalProxy(upstream);
  const ask = (...lines: string[]) => rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", ...lines]);
  for (let round = 0; round < 8; round++) {
    const answer = await ask(`Authorization: Bearer own-key-${round}`);
    assertEquals([answer.status, answer.header("x-llm-proxy-error")], [401, "unauthorized"]);
  }
  const own = "Authorization: Bearer own-key";
  assertEquals((await ask(own, `Proxy-Authorization: Bearer ${SECRETS.proxyToken}`)).status, 200);
});

Deno.test("wrong tokens: an address that must wait can use a managed token, and not the shared one", async () => {
  await using upstream = new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("hello")) });
  await using proxy = await ManagedProxy.start(upstream);
  const { value } = await proxy.token({ name: "anna" });
  const ask = (line: string) => rawRequest(proxy.url, ["GET /openai/v1/x HTTP/1.1", line]);
  for (let round = 0; round < 9; round++) await ask(`X-Api-Key: guess ${round}`);
  assertEquals((await ask(`X-Api-Key: guess 1`)).status, 429);
  assertEquals((await ask(TOKEN)).status, 429, "it could be guessed");
  assertEquals((await ask(`Authorization: Bearer ${value}`)).status, 200);
  const wrong = `${value.slice(0, -1)}${value.endsWith("x") ? "y" : "x"}`;
  assertEquals((await ask(`Authorization: Bearer ${wrong}`)).status, 429);
});

Deno.test("wrong tokens: those in a query, which any web page can send, delay only tokens in a query", () =>
  withProxy({}, async (ask, { proxy }) => {
    const image = (key: string) => rawRequest(proxy.url, [`GET /openai/v1/x?key=${key} HTTP/1.1`]);
    for (let round = 0; round < 9; round++) await image(`guess-${round}`);
    assertEquals((await ask(TOKEN)).status, 200);
    assertEquals((await image(SECRETS.proxyToken)).status, 429);
    for (let round = 0; round < 9; round++) await ask(`X-Api-Key: guess ${round}`);
    assertEquals((await ask(TOKEN)).status, 429);
  }));

Deno.test("management.allowed_ips: the management plane is closed to others, and clients are served", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream, { management: { allowedIps: ["192.0.2.1"] } });
  for (const path of ["/manage/projects", "/admin", "/metrics", "/admin/session"]) {
    const answer = await rawRequest(proxy.url, [
      `GET ${path} HTTP/1.1`,
      `Authorization: Bearer ${SECRETS.managementToken}`,
    ]);
    assertEquals([path, answer.status], [path, 403]);
  }
  assertEquals(
    (await proxy.chat(SECRETS.proxyToken).then(async (answer) => (await answer.text(), answer))).status,
    200,
  );
});

Deno.test("a wrong management token and a sign-in are in the log, with the address and without the token", async () => {
  await using upstream = new FakeUpstream();
  await using proxy = await ManagedProxy.start(upstream);
  for (let round = 0; round < 5; round++) {
    await rawRequest(proxy.url, ["GET /manage/projects HTTP/1.1", `Authorization: Bearer guess-${round}`]);
  }
  const refused = proxy.planeLog.filter(({ event }) => event === "management_refused");
  assertEquals(refused.map(({ client, detail }) => [client, detail]), [
    ...Array(4).fill(["127.0.0.1", "a wrong token"]),
    ["127.0.0.1", "a wrong token; the address waits 15 s"],
  ]);
  assert(!JSON.stringify(proxy.planeLog).includes("guess-"));
});
