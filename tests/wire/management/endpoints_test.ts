/** `/manage/endpoints` shows how requests find a backend, and why a backend gets none. */

import { assertEquals } from "@std/assert";
import * as v from "valibot";
import { endpoint as schema } from "../../../src/management/api/responses.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

Deno.test("/manage/endpoints: affinity, checks, Wake-on-LAN, stored objects and the cooldown of each backend", async () => {
  await using down = new FakeUpstream({
    script: (exchange) => exchange.write(plainAnswer("", { status: "503 Down" })),
  });
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  const wake = { mac: "aa:bb:cc:dd:ee:ff", hostname: "127.0.0.1", port: 9, timeoutMs: 90_000 };
  const backends = [
    testBackend(down.origin, { name: "down", key, check: { everyMs: 10_000, path: "/health" } }),
    testBackend(down.origin, { name: "asleep", key, path: "/v1", wake }),
  ];
  await using proxy = await ManagedProxy.start(down, {
    endpoints: [
      testEndpoint("one", backends, { affinity: { header: "x-team" }, objects: "project" }),
      testEndpoint("two", backends.slice(1), { affinity: {} }),
      testEndpoint("three", backends.slice(1)),
    ],
  });
  await proxy.proxy.logged("backend_failing");
  const { body } = await proxy.api("GET", "/endpoints");
  const data = v.parse(v.array(schema), body.data);
  assertEquals(data.map(({ name, affinity, objects }) => [name, affinity, objects]), [
    ["one", "x-team", "project"],
    ["two", "auto", "own"],
    ["three", "off", "own"],
  ]);
  const shown = data[0]?.backends?.map(({ name, state, check, wake }) => ({ name, state, check, wake }));
  assertEquals(shown, [
    {
      name: "down",
      state: "cooldown",
      check: { every_seconds: 10, path: "/health", failed: true },
      wake: null,
    },
    { name: "asleep", state: "up", check: null, wake: { mac: "aa:bb:cc:dd:ee:ff", timeout_seconds: 90 } },
  ]);
});
