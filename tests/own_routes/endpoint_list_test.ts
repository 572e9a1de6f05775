/** `/health/endpoints`, which `llm-proxy run` reads. */

import { assertEquals } from "@std/assert";
import { ENDPOINT_LIST_PATH, endpointListReply } from "../../src/own_routes/endpoint_list.ts";
import { HandlerBench } from "../support/proxies/handler.ts";

import { testBackend, testEndpoint } from "../support/proxies/config.ts";

const NO_ANSWER = () => Promise.reject(new Error("no upstream gets a request"));

Deno.test("endpoint list: needs a token, sends no request to an upstream, and makes one record", async () => {
  const bench = new HandlerBench(NO_ANSWER);
  assertEquals((await bench.ask(`GET ${ENDPOINT_LIST_PATH}`)).status, 401);
  assertEquals((await bench.ask(`POST ${ENDPOINT_LIST_PATH}`, "Authorization: Bearer T")).status, 404);
  const { status, text, header } = await bench.ask(`GET ${ENDPOINT_LIST_PATH}`, "x-llm-proxy-token: T");
  assertEquals([status, header("content-type"), header("cache-control")], [
    200,
    "application/json",
    "no-store",
  ]);
  assertEquals(JSON.parse(text), {
    endpoints: [
      { name: "openai", dialect: "openai", forwards_client_key: false },
      { name: "anthropic", dialect: "anthropic", forwards_client_key: false },
    ],
    default_endpoint: "openai",
  });
  assertEquals(bench.records.map(({ status, ending }) => [status, ending]), [
    [401, "unauthorized"],
    [404, "not_found"],
    [200, "complete"],
  ]);
});

Deno.test("endpoint list: says which endpoints forward the client's key, and hides a default that is not allowed", () => {
  const own = testEndpoint("own", [testBackend("https://own.test", { key: { mode: "passthrough" } })]);
  const { body } = endpointListReply([own], "openai");
  if (!(body instanceof Uint8Array)) throw new Error("the list is complete");
  const list = JSON.parse(new TextDecoder().decode(body));
  assertEquals(list.endpoints[0].forwards_client_key, true);
  assertEquals(list.default_endpoint, null);
});
