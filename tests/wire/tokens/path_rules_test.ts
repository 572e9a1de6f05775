/** Rules for paths over real sockets: what they close stays closed, however the path is spelled. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Endpoint } from "../../../src/config/config.ts";
import { ownEngineTests } from "../../support/proxies/engine.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { type RawAnswer, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { openWebSocket } from "../../support/clients/websocket.ts";

const ownEngine = ownEngineTests("webSocket");

/** One whose base URL ends in a version, and one whose does not. */
function endpointsOf(upstream: FakeUpstream): Endpoint[] {
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  return [
    testEndpoint("openai", [testBackend(upstream.origin, { path: "/v1", key })]),
    testEndpoint("bare", [testBackend(upstream.origin, { key })]),
  ];
}

function echoing(): FakeUpstream {
  return new FakeUpstream({ script: (exchange) => exchange.write(plainAnswer("{}")) });
}

function get(proxy: ManagedProxy, target: string, token: string, ...lines: string[]): Promise<RawAnswer> {
  return rawRequest(proxy.url, [`GET ${target} HTTP/1.1`, `X-Api-Key: ${token}`, ...lines]);
}

/** Files, in every spelling that an upstream could take for them. */
const FILES = [
  "/v1/files",
  "/openai/v1/files",
  "/openai/files",
  "/openai/files/",
  "/openai/files?purpose=x",
  "/openai/files/file-1/content",
  "/openai//files",
  "/openai/v1//files",
  "/openai//v1/files",
  "/openai/FILES",
  "/openai/V1/Files",
  "/openai/%66iles",
  "/openai/%76%31/%46iles",
  "/openai/files;a=b",
  "/openai/v1;a=b/files",
  "/openai/;a/files",
  "/openai/files%2Ffile-1",
  "/openai/v1%2ffiles",
  "/openai/%2566iles",
  "/bare/v1/files",
  "/bare/files",
  "/bare//v1//files/",
  "/bare/V1/fil%65s",
];

Deno.test("allowed paths: a closed path is closed in every spelling, and the upstream hears nothing of it", async (t) => {
  await using upstream = echoing();
  await using proxy = await ManagedProxy.start(upstream, { endpoints: endpointsOf(upstream) });
  const closed = await proxy.token({ allowed_paths: ["!/v1/files*"] });
  const narrow = await proxy.token({}, { allowed_paths: ["/v1/chat/completions", "/v1/models"] });
  for (const target of FILES) {
    await t.step(target, async () => {
      for (const { value } of [closed, narrow]) {
        const answer = await get(proxy, target, value);
        assertEquals([answer.status, answer.header("x-llm-proxy-error")], [403, "forbidden"]);
      }
    });
  }
  assertEquals(upstream.requests.length, 0);
  const { body } = await proxy.api("GET", `/tokens/${closed.id}`);
  assertEquals(body.request_count, 0, "what is refused does not count");
  for (const target of ["/openai/v1/models", "/openai/models", "/v1/models", "/bare/v1/models?a=/v1/files"]) {
    for (const { value } of [closed, narrow]) {
      assertEquals((await get(proxy, target, value)).status, 200, target);
    }
  }
  assertEquals((await get(proxy, "/openai/files", SECRETS.proxyToken)).status, 200, "others may");
});

Deno.test("allowed paths: the refusal says what was asked and what is allowed, or why it cannot be checked", async () => {
  await using upstream = echoing();
  await using proxy = await ManagedProxy.start(upstream, { endpoints: endpointsOf(upstream) });
  const { value } = await proxy.token({ allowed_paths: ["/v1/models*", "!/v1/models/secret"] });
  const words = async (target: string, ...lines: string[]) =>
    JSON.parse((await get(proxy, target, value, ...lines)).text).error.message;
  assertEquals(
    await words("/openai/files"),
    'This token may not use the path "/files"; it may use /v1/models*, but not /v1/models/secret. ' +
      "The path belongs to the group files. The rule is the setting paths of the token.",
  );
  assertStringIncludes(
    await words("/openai/models%2Fx"),
    "cannot check this path: it contains an encoded slash (%2F).",
  );
  assertStringIncludes(await words("/openai/models", "X-Original-URL: /v1/files"), "x-original-url");
  assertEquals(upstream.requests.length, 0);
});

ownEngine.test("allowed paths: hold for WebSockets", async () => {
  await using upstream = echoing();
  await using proxy = await ManagedProxy.start(upstream, { endpoints: endpointsOf(upstream) });
  const { value } = await proxy.token({ allowed_paths: ["!/v1/realtime*"] });
  for (const target of ["/openai/v1/realtime?model=x", "/openai/Realtime?model=x"]) {
    const { status, header, peer } = await openWebSocket(proxy.url, target, [
      `Authorization: Bearer ${value}`,
    ]);
    assertEquals([status, header("x-llm-proxy-error")], [403, "forbidden"], target);
    peer[Symbol.dispose]();
  }
  assertEquals(upstream.requests.length, 0);
});

Deno.test("allowed paths: of a token of the configuration, and for each backend of an endpoint", async () => {
  await using upstream = echoing();
  const [one, two] = endpointsOf(upstream).map(({ backends: [backend] }) => backend);
  if (one === undefined || two === undefined) throw new Error("there are two endpoints");
  const endpoints = [testEndpoint("openai", [{ ...one, name: "one" }, { ...two, name: "two" }])];
  const tokens = [{
    name: "anna",
    token: SECRETS.proxyToken,
    rules: { paths: ["/v1/models", "/v1/chat/*"] },
  }];
  await using proxy = await ManagedProxy.start(upstream, { endpoints, tokens });
  assertEquals((await get(proxy, "/openai/v1/models", SECRETS.proxyToken)).status, 200);
  assertEquals((await get(proxy, "/openai/v1/files", SECRETS.proxyToken)).status, 403);
  assertEquals(
    (await get(proxy, "/openai/models", SECRETS.proxyToken)).status,
    403,
    "the second backend would be asked for /models",
  );
});
