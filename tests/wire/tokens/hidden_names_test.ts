/** A managed token learns neither the endpoints that it may not use nor the addresses of upstreams. */
import { assertEquals, assertMatch } from "@std/assert";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

const KEY = { mode: "inject", value: "K" } as const;

Deno.test("a 404 lists the endpoints that the token may use", async () => {
  await using upstream = new FakeUpstream({ script: () => Promise.resolve() });
  const endpoints = ["first", "second"].map((name) =>
    testEndpoint(name, [testBackend(upstream.origin, { key: KEY })])
  );
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const message = async (token: string): Promise<string> => {
    const answer = await fetch(`${proxy.url}/nowhere`, { headers: { authorization: `Bearer ${token}` } });
    assertEquals(answer.status, 404);
    return (await answer.json()).error.message;
  };
  const { value: one } = await proxy.token({ allowed_endpoints: ["sec*"] });
  assertEquals(await message(one), "Nothing is served at /nowhere. This proxy serves /second/.");
  const { value: all } = await proxy.token({});
  assertEquals(await message(all), "Nothing is served at /nowhere. This proxy serves /first/, /second/.");
  assertMatch(await message(SECRETS.proxyToken), /serves \/first\/, \/second\//);
});

Deno.test("a 502 names the host of the upstream in the log, and the endpoint for a managed token", async () => {
  await using upstream = new FakeUpstream({ script: () => Promise.resolve() });
  // Nothing listens on this port.
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${closed.addr.port}`;
  closed.close();
  const endpoints = [testEndpoint("api", [testBackend(`http://${host}`, { key: KEY })])];
  await using proxy = await ManagedProxy.start(upstream, { endpoints });
  const message = async (token: string): Promise<string> => {
    const answer = await fetch(`${proxy.url}/api/v1/models`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assertEquals(answer.status, 502);
    return (await answer.json()).error.message;
  };
  const { value } = await proxy.token({});
  assertEquals(await message(value), "No response from the upstream of api: it refused the connection.");
  assertEquals(
    (await proxy.proxy.logged("fault"))["detail"],
    `No response from ${host}: it refused the connection.`,
  );
  // The token of the configuration belongs to the one who runs the proxy.
  assertEquals(await message(SECRETS.proxyToken), `No response from ${host}: it refused the connection.`);
});
