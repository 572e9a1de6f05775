/** What a proxy rejects while its PostgreSQL database cannot be reached: `on_database_loss`. */

import { assert, assertEquals } from "@std/assert";
import type { OnLoss } from "../../../src/config/config.ts";
import { CutLink } from "../../support/processes/cut_link.ts";
import { PostgresServer, withoutPostgres } from "../../support/processes/postgres_server.ts";
import { inDatabase, postgres } from "../../support/processes/shared_postgres.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testBackend, testEndpoint } from "../../support/proxies/config.ts";
import { type ManagedOptions, ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { unless } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";

/** How long a token can be unconfirmed, in milliseconds: a minute less the time to notice the loss. */
const LONGEST_MS = 45_000;
const BODY = { model: "gpt-4o-mini", max_tokens: 10, messages: [{ role: "user", content: "hi" }] };

function startOn(
  upstream: FakeUpstream,
  databaseUrl: string,
  onDatabaseLoss: OnLoss,
  options: ManagedOptions = {},
): Promise<ManagedProxy> {
  const management = { databaseUrl, onDatabaseLoss, encryptionKey: new Uint8Array(32) };
  const key = { mode: "inject", value: SECRETS.openaiKey } as const;
  const backend = testBackend(upstream.origin, { path: "/openai/v1", key });
  // Tokens with a budget use only models with a price.
  const endpoints = [testEndpoint("openai", [backend], { priceProvider: "openai" })];
  return ManagedProxy.start(upstream, { endpoints, ...options, management });
}

async function send(proxy: ManagedProxy, token: string): Promise<Response> {
  const response = await proxy.chat(token, BODY);
  await response.text();
  return response;
}

const statusOf = async (proxy: ManagedProxy, token: string) => (await send(proxy, token)).status;

async function rowsOf(proxy: ManagedProxy): Promise<number> {
  const { body } = await proxy.api("GET", "/usage");
  return body.data?.[0]?.requests ?? 0;
}

for (const onLoss of ["go_on", "refuse"] as const) {
  Deno.test({
    ...unless(
      withoutPostgres(),
      `on_database_loss = ${onLoss}: tokens with and without a budget while the database is stopped`,
    ),
    async fn() {
      await using server = await PostgresServer.start();
      const name = await server.takeDatabase();
      await using upstream = new FakeUpstream();
      await using proxy = await startOn(upstream, server.url(name), onLoss);
      const { value: own } = await proxy.token({ budget: { day_usd: 1 } });
      const { value: ofProject } = await proxy.token({}, { budget: { month_usd: 1 } });
      const { value: free } = await proxy.token();
      let sent = 0;
      const status = async (token: string) => {
        sent++;
        return await statusOf(proxy, token);
      };
      for (const token of [own, ofProject, free]) {
        assertEquals(await status(token), 200);
      }
      await server.stop();
      if (onLoss === "refuse") {
        for (const token of [own, ofProject]) {
          let last: Response | undefined;
          await until(async () => {
            last = await send(proxy, token);
            sent++;
            return last.status === 503;
          }, "the loss to be noticed");
          assertEquals(last?.headers.get("x-llm-proxy-error"), "overloaded");
          assertEquals(last?.headers.get("retry-after"), "2");
        }
      } else {
        for (const token of [own, ofProject]) {
          assertEquals(await status(token), 200);
        }
      }
      for (let request = 0; request < 5; request++) {
        assertEquals(await status(free), 200);
      }
      await server.resume();
      for (const token of [own, ofProject]) {
        await until(async () => await status(token) === 200, "the recovery");
      }
      await until(async () => await rowsOf(proxy) === sent, "all rows");
    },
  });
}

Deno.test({
  ...unless(
    withoutPostgres(),
    "on_database_loss = refuse: a replica that is cut off rejects a revoked token within a minute",
  ),
  fn: () =>
    inDatabase(async (url) => {
      await using link = new CutLink(postgres().port);
      await using upstream = new FakeUpstream();
      await using near = await startOn(upstream, url, "refuse");
      const clock = new FakeClock();
      const cutUrl = url.replace(`:${postgres().port}/`, `:${link.port}/`);
      await using far = await startOn(upstream, cutUrl, "refuse", { clock });
      const { value, id } = await near.token();
      const { value: kept } = await near.token();
      await until(async () => await statusOf(far, kept) === 200, "the other replica to know the token");
      assertEquals(await statusOf(far, value), 200);
      link.cut();
      await until(async () => {
        assertEquals(await statusOf(far, value), 200, "a known token is served");
        return far.planeLog.some(({ event }) => event === "storage_failing");
      }, "the loss to be noticed");
      assertEquals((await near.api("DELETE", `/tokens/${id}`)).status < 300, true);
      assertEquals(await statusOf(near, value), 401);
      clock.pass(LONGEST_MS);
      assertEquals(await statusOf(far, value), 200);
      clock.pass(1);
      for (const token of [value, kept]) {
        const response = await send(far, token);
        assertEquals([response.status, response.headers.get("x-llm-proxy-error")], [503, "overloaded"]);
        assertEquals(response.headers.get("retry-after"), "2");
      }
      assertEquals(await statusOf(far, "sk-unknown"), 401);
      assert(far.planeLog.some(({ detail }) => /managed tokens are rejected/.test(String(detail))));
      link.join();
      await until(async () => await statusOf(far, kept) === 200, "the recovery");
      assertEquals(await statusOf(far, value), 401);
    }),
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "on_database_loss = go_on: a replica that is cut off serves known tokens for as long as it is cut off",
  ),
  fn: () =>
    inDatabase(async (url) => {
      await using link = new CutLink(postgres().port);
      await using upstream = new FakeUpstream();
      const clock = new FakeClock();
      const cutUrl = url.replace(`:${postgres().port}/`, `:${link.port}/`);
      await using far = await startOn(upstream, cutUrl, "go_on", { clock });
      const { value } = await far.token({ budget: { day_usd: 1 } });
      assertEquals(await statusOf(far, value), 200);
      link.cut();
      await until(async () => {
        assertEquals(await statusOf(far, value), 200);
        return far.planeLog.some(({ event }) => event === "storage_failing");
      }, "the loss to be noticed");
      clock.pass(3_600_000);
      assertEquals(await statusOf(far, value), 200);
      link.join();
      await until(async () => (await far.api("GET", "/projects")).status === 200, "the recovery");
    }),
});
