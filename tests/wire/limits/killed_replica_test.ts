/**
 * A replica that is killed: its slots are free for the others, what it reserved stays reserved, and what it
 * spent is not forgotten.
 */

import { assert, assertEquals } from "@std/assert";
import { REPLICA_LIFETIME_MS } from "../../../src/limits/shared/shared_limits.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { ProxyProcess } from "../../support/processes/proxy_process.ts";
import { RedisServer, withoutRedis } from "../../support/processes/redis_server.ts";
import { unless } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";

/** Within this time after a kill, others have the slots of the replica. In milliseconds. */
const FREED_MS = 15_000;
const USAGE = { prompt_tokens: 0, completion_tokens: 1_000, total_tokens: 1_000 };
const ANSWER = JSON.stringify({ id: "c", model: "gpt-4o-mini", choices: [], usage: USAGE });

function configText(
  { folder, upstream, limits }: { folder: string; upstream: string; limits: string },
): string {
  return `[server]
host = "127.0.0.1"
port = 0
[auth]
token = "${SECRETS.proxyToken}"
[management]
token = "${SECRETS.managementToken}"
database_url = "sqlite:${folder}/test.db"
limits_url = "${limits}"
[log]
format = "json"
[endpoints.openai]
base_url = "${upstream}"
provider = "openai"
price_provider = "openai"
api_key = "${SECRETS.openaiKey}"
`;
}

function chat(url: string, token: string): Promise<Response> {
  return fetch(`${url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", max_tokens: 1_000, messages: [] }),
  });
}

async function statusOf(url: string, token: string): Promise<number> {
  const response = await chat(url, token);
  await response.text();
  return response.status;
}

async function newToken(url: string, rules: unknown): Promise<string> {
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`${url}/manage${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${SECRETS.managementToken}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    assertEquals(response.status, 201);
    return await response.json();
  };
  const { id } = await post("/projects", { name: "home" });
  const { token } = await post("/tokens", { name: "anna", project_id: id, ...rules as object });
  return token;
}

Deno.test({
  ...unless(
    withoutRedis(),
    "shared limits: kill -9 of a replica frees its slots within 15 s, and not what it reserved",
  ),
  async fn() {
    let isHolding = false;
    const { promise: opened, resolve: openAll } = Promise.withResolvers<void>();
    await using upstream = new FakeUpstream({
      script: async (exchange) => {
        await gather(exchange.body());
        if (isHolding) await Promise.race([opened, exchange.peerClosed()]);
        await exchange.write(plainAnswer(ANSWER, { headers: "Content-Type: application/json\r\n" }));
      },
    });
    await using server = await RedisServer.start();
    const folder = await Deno.makeTempDir();
    const file = `${folder}/config.toml`;
    await Deno.writeTextFile(file, configText({ folder, upstream: upstream.origin, limits: server.url }));
    const start = () => ProxyProcess.startWith({}, ["serve", "--config", file]);
    const killed = await start();
    {
      await using other = await start();
      const token = await newToken(killed.url, {
        limits: { concurrent_requests: 2 },
        budget: { total_usd: 0.003 },
      });
      assertEquals(await statusOf(killed.url, token), 200);
      isHolding = true;
      const lost = [chat(killed.url, token), chat(killed.url, token)].map((sent) =>
        sent.catch(() => undefined)
      );
      await until(() => upstream.requests.length === 3, "two held requests");
      assertEquals(await statusOf(other.url, token), 429);
      killed.kill("SIGKILL");
      const killedAt = performance.now();
      await killed.exited();
      await Promise.all(lost);
      isHolding = false;
      await until(async () => await statusOf(other.url, token) === 200, "a free slot");
      const freedMs = performance.now() - killedAt;
      assert(freedMs > REPLICA_LIFETIME_MS / 2 && freedMs < FREED_MS, `free after ${freedMs} ms`);
      // The budget covers five requests. The killed replica had spent one, and its two others may cost as
      // much as they reserved.
      await until(async () => await statusOf(other.url, token) === 200, "the rest of the budget");
      const response = await chat(other.url, token);
      assertEquals(
        (await response.json()).error.message,
        "The rest of this token's budget of $0.003000 in total is reserved for requests and background " +
          "responses that still run.",
      );
      openAll();
    }
    await Deno.remove(folder, { recursive: true });
  },
});
