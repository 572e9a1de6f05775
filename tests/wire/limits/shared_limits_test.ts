/** Two replicas that share their limits on a real Redis server. */

import { assert, assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { testIssuer, testKey } from "../../support/proxies/jwt_bench.ts";
import { COST_MICROS, ReplicaPair } from "../../support/proxies/replica_pair.ts";
import { RedisServer, withoutRedis } from "../../support/processes/redis_server.ts";
import { withoutPostgres } from "../../support/processes/postgres_server.ts";
import { inDatabase } from "../../support/processes/shared_postgres.ts";
import { unless } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";

const BUDGET_MICROS = 9_000;

function pairTest(
  name: string,
  run: (pair: ReplicaPair, server: RedisServer) => Promise<void>,
  options?: Parameters<typeof ReplicaPair.start>[1],
): void {
  Deno.test({
    ...unless(withoutRedis(), `shared limits: ${name}`),
    async fn() {
      await using server = await RedisServer.start();
      await using pair = await ReplicaPair.start(server.place, options);
      await run(pair, server);
    },
  });
}

pairTest("requests per minute hold over two replicas, with the error of one", async (pair) => {
  const { value } = await pair.first.token({ limits: { requests_per_minute: 5 } });
  const statuses: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    const { status } = await pair.send(pair.replica(turn), value);
    statuses.push(status);
  }
  assertEquals(statuses, [200, 200, 200, 200, 200]);
  for (const proxy of [pair.first, pair.second]) {
    const { status, code, message, retryAfter } = await pair.send(proxy, value);
    assertEquals([status, code, message], [
      429,
      "rate_limited",
      "This token may make 5 requests per minute.",
    ]);
    assert(Number(retryAfter) > 50 && Number(retryAfter) <= 60, String(retryAfter));
  }
});

pairTest("the limit of a person with tokens of a provider holds over two replicas", async (pair) => {
  const key = await testKey("first");
  const keys = { kind: "file", path: "keys.json", keys: { keys: [{ ...key.jwk }] } } as const;
  const jwt = [testIssuer({ keys, rules: { requestsPerMinute: 3 } })];
  await pair.first.api("POST", "/projects", { name: "All" });
  for (const { proxy } of [pair.first, pair.second]) {
    const { config } = proxy;
    assert(config.auth.mode === "token");
    proxy.configure({ ...config, auth: { ...config.auth, jwt } });
  }
  const tokenOf = (sub: string) =>
    new SignJWT({ iss: "https://sso.test", aud: "llm-proxy", sub, jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: "ES256", kid: "first" }).setExpirationTime("1h").sign(key.privateKey);
  const statuses: number[] = [];
  for (let turn = 0; turn < 5; turn++) {
    const { status } = await pair.send(pair.replica(turn), await tokenOf("anna"));
    statuses.push(status);
  }
  assertEquals(statuses, [200, 200, 200, 429, 429]);
  assertEquals((await pair.send(pair.second, await tokenOf("ben"))).status, 200, "another person");
});

pairTest("concurrency holds over two replicas, and a slot is free when its request ends", async (pair) => {
  const { value } = await pair.first.token({ limits: { concurrent_requests: 2 } });
  pair.hold();
  const running = [pair.send(pair.first, value), pair.send(pair.second, value)];
  await until(() => pair.upstream.requests.length === 2, "two requests at the upstream");
  for (const proxy of [pair.first, pair.second]) {
    const { status, message } = await pair.send(proxy, value);
    assertEquals([status, message], [429, "This token may have 2 requests running at a time."]);
  }
  pair.open();
  assertEquals((await Promise.all(running)).map(({ status }) => status), [200, 200]);
  await until(async () => (await pair.send(pair.second, value)).status === 200, "a free slot");
});

pairTest("a rejected request does not count, and a client that leaves frees its slot", async (pair) => {
  const { value } = await pair.first.token({
    limits: { concurrent_requests: 1, requests_per_minute: 3 },
    max_requests: 3,
  });
  pair.hold();
  const leaving = new AbortController();
  const left = fetch(`${pair.first.url}/api/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${value}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "gpt-4o-mini", messages: [] }),
    signal: leaving.signal,
  }).catch(() => undefined);
  await until(() => pair.upstream.requests.length === 1, "the request at the upstream");
  for (let turn = 0; turn < 6; turn++) assertEquals((await pair.send(pair.replica(turn), value)).status, 429);
  leaving.abort();
  await left;
  pair.open();
  await until(async () => (await pair.send(pair.second, value)).status === 200, "a free slot");
  await until(async () => (await pair.send(pair.first, value)).status === 200, "a free slot");
  assertEquals(
    (await pair.send(pair.first, value)).message,
    "This token has made the 3 requests that it may make.",
  );
});

pairTest("a budget that a token gets again includes what it spent without one", async (pair) => {
  const budget = { total_usd: 10 * COST_MICROS / 1e6 };
  const { value, id } = await pair.first.token({ budget });
  const change = async (total_usd: number | null) =>
    assertEquals((await pair.first.api("PATCH", `/tokens/${id}`, { budget: { total_usd } })).status, 200);
  for (const proxy of [pair.first, pair.second]) assertEquals((await pair.send(proxy, value)).status, 200);
  await change(null);
  for (let sent = 0; sent < 10; sent++) assertEquals((await pair.send(pair.first, value)).status, 200);
  await change(budget.total_usd);
  const { status, message } = await pair.send(pair.second, value);
  assertEquals([status, message], [429, "This token has spent its budget of $0.006000 in total."]);
});

pairTest("a budget holds over two replicas with requests in parallel", async (pair) => {
  const { value, id } = await pair.first.token({ budget: { total_usd: 0.009 } });
  let turn = 0;
  let passed = 0;
  const messages = new Set<string>();
  const client = async (): Promise<void> => {
    for (let sent = 0; sent < 10; sent++) {
      const { status, message } = await pair.send(pair.replica(turn++), value);
      if (status === 200) passed++;
      else messages.add(message);
    }
  };
  await Promise.all(Array.from({ length: 12 }, client));
  assert(passed * COST_MICROS >= BUDGET_MICROS, `${passed} requests`);
  assert(passed * COST_MICROS <= BUDGET_MICROS + COST_MICROS, `${passed} requests`);
  assert(messages.has("This token has spent its budget of $0.009000 in total."), [...messages].join("\n"));
  assertEquals(
    (await pair.second.api("GET", `/tokens/${id}`)).body.spent.total_micros <= BUDGET_MICROS,
    true,
  );
});

pairTest("a flushed server gets its counts again from the database", async (pair, server) => {
  const { value } = await pair.first.token({ budget: { total_usd: 0.009 } });
  for (let turn = 0; turn < 13; turn++) {
    assertEquals((await pair.send(pair.replica(turn), value)).status, 200);
  }
  pair.hold();
  const running = pair.send(pair.first, value);
  await until(() => pair.upstream.requests.length === 14, "a request at the upstream");
  assertEquals(await server.send("FLUSHALL"), "+OK");
  // The running request has reserved the rest but 600, so that one of the others runs.
  const others = [pair.send(pair.second, value), pair.send(pair.second, value)];
  await until(() => pair.upstream.requests.length >= 15, "another request at the upstream");
  pair.open();
  assertEquals((await running).status, 200);
  const statuses = (await Promise.all(others)).map(({ status }) => status);
  assertEquals(statuses.toSorted(), [200, 429]);
  const SPENT = "This token has spent its budget of $0.009000 in total.";
  await until(async () => (await pair.send(pair.first, value)).message === SPENT, "the settlement");
  assertEquals((await pair.send(pair.second, value)).message, SPENT);
  assertEquals(pair.upstream.requests.length, 15);
});

pairTest(
  "without the server, each replica counts by itself, and all is as before when the server is back",
  async (pair, server) => {
    const { value } = await pair.first.token({ limits: { requests_per_minute: 2 }, budget: { day_usd: 1 } });
    await server.kill();
    for (const proxy of [pair.first, pair.second]) {
      for (let sent = 0; sent < 2; sent++) assertEquals((await pair.send(proxy, value)).status, 200);
      assertEquals((await pair.send(proxy, value)).status, 429);
      assert(proxy.planeLog.some(({ event }) => event === "limits_failing"));
    }
    await server.restart();
    for (const proxy of [pair.first, pair.second]) {
      await until(() => proxy.planeLog.some(({ event }) => event === "limits_recovered"), "the recovery");
    }
    const { value: other } = await pair.first.token({ limits: { requests_per_minute: 2 } });
    assertEquals((await pair.send(pair.first, other)).status, 200);
    assertEquals((await pair.send(pair.second, other)).status, 200);
    assertEquals((await pair.send(pair.first, other)).status, 429);
  },
);

pairTest("on_limits_loss = refuse rejects tokens with a budget, and only those", async (pair, server) => {
  const { value } = await pair.first.token({ budget: { day_usd: 1 } });
  const { value: free } = await pair.first.token({ limits: { requests_per_minute: 100 } });
  assertEquals((await pair.send(pair.first, value)).status, 200);
  server.signal("SIGSTOP");
  try {
    const { status, code, message, retryAfter } = await pair.send(pair.first, value);
    assertEquals([status, code, retryAfter], [503, "overloaded", "2"]);
    assertEquals(
      message,
      "The proxy cannot reach the server that counts limits, and this token has a budget. Try again soon.",
    );
    assertEquals((await pair.send(pair.first, free)).status, 200);
  } finally {
    server.signal("SIGCONT");
  }
  await until(async () => (await pair.send(pair.first, value)).status === 200, "the recovery");
}, { onLoss: "refuse", timeoutMs: 500 });

pairTest("wrong tokens of an address count over two replicas", async (pair) => {
  const wrong = async (turn: number): Promise<number> => {
    const { status } = await pair.send(pair.replica(turn), `sk-wrong-${turn}`);
    return status;
  };
  for (let turn = 0; turn < 5; turn++) assertEquals(await wrong(turn), 401);
  for (const turn of [6, 7]) await until(async () => await wrong(turn) === 429, "the wait");
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "shared limits: a budget and a rate hold over two replicas on PostgreSQL",
  ),
  fn: () =>
    inDatabase(async (url) => {
      await using pair = await ReplicaPair.startOnPostgres(url);
      const { value: rated } = await pair.first.token({ limits: { requests_per_minute: 3 } });
      const statuses: number[] = [];
      for (let turn = 0; turn < 4; turn++) statuses.push((await pair.send(pair.replica(turn), rated)).status);
      assertEquals(statuses, [200, 200, 200, 429]);
      const { value } = await pair.first.token({ budget: { total_usd: 0.009 } });
      let passed = 0;
      // Few clients: those that repeat a rejected request use the processor that the replicas need.
      const client = async (_: unknown, turn: number): Promise<void> => {
        await until(async () => {
          const { status, message } = await pair.send(pair.replica(turn), value);
          if (status === 200) passed++;
          return /has spent/.test(message);
        }, "the end of the budget");
      };
      await Promise.all(Array.from({ length: 6 }, client));
      assertEquals(passed * COST_MICROS, BUDGET_MICROS);
    }),
});
