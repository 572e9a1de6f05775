/** Checks of backends, on real sockets. */

import { assert, assertEquals } from "@std/assert";
import type { Backend, CheckSettings } from "../../../src/config/config.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer, type Script } from "../../support/upstreams/fake_upstream.ts";
import { LocalProxy } from "../../support/proxies/local_proxy.ts";
import { rawRequest } from "../../support/clients/raw_client.ts";
import { until } from "../../support/time/deadline.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const KEY = { mode: "inject", value: SECRETS.openaiKey } as const;
const says = (text: string, status = "200 OK"): Script => (exchange) =>
  exchange.write(plainAnswer(text, { status }));

function checked(origin: string, name: string, check: CheckSettings = { everyMs: 20 }): Backend {
  return testBackend(origin, { name, key: KEY, path: "/v1", check });
}

async function ask(proxy: LocalProxy): Promise<string> {
  const token = `Authorization: Bearer ${SECRETS.proxyToken}`;
  return (await rawRequest(proxy.url, ["GET /chat/v1/thing HTTP/1.1", token])).text;
}

const things = ({ requests }: FakeUpstream) => requests.filter(({ target }) => target === "/v1/thing").length;

Deno.test("check_every: a backend that is down is known before a request meets it, and is up after a check", async () => {
  await using first = new FakeUpstream({ script: says("first", "503 Down") });
  await using second = new FakeUpstream({ script: says("second") });
  const endpoint = testEndpoint("chat", [checked(first.origin, "first"), checked(second.origin, "second")]);
  await using proxy = new LocalProxy(first, { endpoints: [endpoint] });
  const failing = await proxy.logged("backend_failing");
  assertEquals([failing["backend"], failing["detail"]], [
    "first",
    "a check failed: it answered 503; the proxy skips it until a check succeeds",
  ]);
  assertEquals([await ask(proxy), things(first)], ["second", 0]);
  first.script(says("first"));
  assertEquals((await proxy.logged("backend_recovered"))["backend"], "first");
  assertEquals(await ask(proxy), "first");
  const [check] = first.requests;
  assertEquals([check?.target, check?.header("authorization")], [
    "/v1/models",
    `Bearer ${SECRETS.openaiKey}`,
  ]);
});

Deno.test("check_every: an address without a server is down, and check_path is requested as it is", async () => {
  await using dead = new FakeUpstream();
  await using second = new FakeUpstream({ script: says("second") });
  const { origin } = dead;
  await dead[Symbol.asyncDispose]();
  const backends = [
    checked(origin, "dead"),
    checked(second.origin, "second", { everyMs: 20, path: "/health?x=1" }),
  ];
  await using proxy = new LocalProxy(second, { endpoints: [testEndpoint("chat", backends)] });
  const { detail } = await proxy.logged("backend_failing");
  assertEquals(
    detail,
    "a check failed: it refused the connection; the proxy skips it until a check succeeds",
  );
  assertEquals(await ask(proxy), "second");
  assertEquals((await proxy.logged("exchange"))["attempts"], undefined, "one attempt");
  await until(() => second.requests.some(({ target }) => target === "/health?x=1"), "a check by the path");
});

Deno.test("check_every: one check runs at a time, and the statuses of clients' errors count as up", async () => {
  let running = 0;
  let most = 0;
  let checks = 0;
  const release = Promise.withResolvers<void>();
  await using upstream = new FakeUpstream({
    script: async (exchange) => {
      most = Math.max(most, ++running);
      checks++;
      if (checks === 2) await release.promise;
      running--;
      await exchange.write(plainAnswer("no", { status: checks === 1 ? "401 No" : "404 No" }));
    },
  });
  await using proxy = new LocalProxy(upstream, {
    endpoints: [testEndpoint("chat", [checked(upstream.origin, "only", { everyMs: 1_000 })])],
  });
  await until(() => checks === 2, "the second check");
  release.resolve();
  await until(() => checks >= 3, "the third check");
  assertEquals(most, 1);
  assert(!proxy.log.some(({ event }) => event === "backend_failing"));
});

Deno.test("check_every: no check runs after a reload without it, nor during a shutdown", async () => {
  await using upstream = new FakeUpstream({ script: says("ok") });
  const proxy = new LocalProxy(upstream, {
    endpoints: [testEndpoint("chat", [checked(upstream.origin, "only")])],
  });
  await until(() => upstream.requests.length > 2, "three checks");
  proxy.configure({
    ...proxy.config,
    endpoints: [testEndpoint("chat", [testBackend(upstream.origin, { key: KEY })])],
  });
  await ask(proxy);
  const before = upstream.requests.filter(({ target }) => target === "/v1/models").length;
  for (let count = 0; count < 20; count++) await ask(proxy);
  const after = upstream.requests.filter(({ target }) => target === "/v1/models").length;
  assert(after - before <= 1, `${after - before} checks`);
  await proxy[Symbol.asyncDispose]();
});
