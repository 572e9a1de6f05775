/**
 * Stored objects also belong to their token at the address without the name of an endpoint, where the model
 * routes.
 */

import { assertEquals } from "@std/assert";
import type { RoutingConfig } from "../../../src/config/config.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { StoringUpstream } from "../../support/upstreams/storing_upstream.ts";

/** The alias and the second endpoint make the proxy read each body before it knows the endpoint. */
const ROUTING: RoutingConfig = {
  byModel: true,
  routes: [],
  aliases: new Map([["fast", "openai/m"]]),
  refreshMs: 3_600_000,
  localRefreshMs: 3_600_000,
};

Deno.test("objects: at /v1, where the model chooses the endpoint, a foreign response cannot be used", async () => {
  await using upstream = new StoringUpstream();
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  const endpoints = [
    testEndpoint("openai", [testBackend(upstream.origin, { key })], { preset: "openai" }),
    testEndpoint("groq", [testBackend(upstream.origin, { key, path: "/groq" })], { preset: "groq" }),
  ];
  await using proxy = await ManagedProxy.start(upstream, { endpoints, routing: ROUTING });
  const { value: anna } = await proxy.token({ name: "anna" });
  const { value: ben } = await proxy.token({ name: "ben" });
  const send = async (token: string, method: string, path: string, body?: unknown) => {
    const response = await fetch(`${proxy.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  };
  const hers = await send(anna, "POST", "/v1/responses", { model: "fast", input: "x" });
  assertEquals(hers.status, 200);
  const { id } = hers.body;
  for (const model of ["fast", "openai/m", "m"]) {
    const asked = upstream.asked.length;
    const next = { model, input: "x", previous_response_id: id };
    assertEquals([model, (await send(ben, "POST", "/v1/responses", next)).status], [model, 400]);
    assertEquals(upstream.asked.length, asked, "the provider does not get the request");
    assertEquals([model, (await send(anna, "POST", "/v1/responses", next)).status], [model, 200]);
  }
  assertEquals((await send(ben, "GET", `/v1/responses/${id}`)).status, 404);
  assertEquals((await send(anna, "GET", `/v1/responses/${id}`)).status, 200);
});
