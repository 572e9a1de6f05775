/**
 * Measures what shared limits add to a request, over the whole way from the client and back:
 * `deno run -A tests/bench/limits/request_latency.ts`. Three proxies on one PostgreSQL database, with the limits in each
 * process, in Redis and in PostgreSQL, take turns.
 */

import { NO_SHARED_LIMITS } from "../../../src/config/values/values.ts";
import { PostgresServer } from "../../support/processes/postgres_server.ts";
import { proxyCommand, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { RedisServer } from "../../support/processes/redis_server.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { FakeUpstream, plainAnswer } from "../../support/upstreams/fake_upstream.ts";
import { gather } from "../../support/clients/http_reader.ts";
import { Management } from "../soak/management.ts";

const ROUNDS = 8;
/** Requests of a round, by how many run at the same time. */
const REQUESTS = new Map([[1, 250], [50, 1_000]]);
const WARM_UP = 500;
const USAGE = { prompt_tokens: 10, completion_tokens: 10, total_tokens: 20 };
const ANSWER = JSON.stringify({ id: "c", model: "gpt-4o-mini", choices: [], usage: USAGE });
const BODY = JSON.stringify({ model: "gpt-4o-mini", max_tokens: 10, messages: [] });

await using postgres = await PostgresServer.start({
  settings: ["synchronous_commit = on", "fsync = on", "autovacuum = on"],
});
await using redis = await RedisServer.start();
await using upstream = new FakeUpstream({
  script: async (exchange) => {
    await gather(exchange.body());
    await exchange.write(plainAnswer(ANSWER, { headers: "Content-Type: application/json\r\n" }));
  },
});
const database = postgres.url(await postgres.takeDatabase());
const folder = await Deno.makeTempDir();
const adapters = [
  { name: "none", url: NO_SHARED_LIMITS },
  { name: "Redis", url: redis.url },
  { name: "PostgreSQL", url: database },
];
const proxies: { name: string; proxy: ProxyProcess; took: Map<number, number[]> }[] = [];
for (const { name, url } of adapters) {
  const file = `${folder}/${name}.toml`;
  await Deno.writeTextFile(file, configText(url));
  const proxy = await ProxyProcess.startCommand(proxyCommand([], { CONFIG_PATH: file }));
  proxies.push({ name, proxy, took: new Map() });
}
const token = await createToken(proxies[0]?.proxy.url ?? "");
for (const { proxy } of proxies) await ask(proxy.url, { count: WARM_UP, atOnce: 50 });
for (let round = 0; round < ROUNDS; round++) {
  for (const [atOnce, count] of REQUESTS) {
    for (const { proxy, took } of proxies) {
      took.set(atOnce, [...took.get(atOnce) ?? [], ...await ask(proxy.url, { count, atOnce })]);
    }
  }
}
for (const { name, took } of proxies) {
  for (const [atOnce, times] of took) {
    times.sort((one, other) => one - other);
    const at = (part: number) => (times[Math.floor(times.length * part)] ?? 0).toFixed(2);
    console.log(`${name}, ${atOnce} at the same time: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  }
}
for (const { proxy } of proxies) await proxy.stop();
await Deno.remove(folder, { recursive: true });

function configText(limits: string): string {
  return `[server]
host = "127.0.0.1"
port = 0
models_refresh = "none"
[auth]
token = "${SECRETS.proxyToken}"
[management]
token = "${SECRETS.managementToken}"
database_url = "${database}"
limits_url = "${limits}"
encryption_key = "${new Uint8Array(32).fill(7).toBase64()}"
[log]
format = "json"
[endpoints.openai]
base_url = "${upstream.origin}"
provider = "openai"
price_provider = "openai"
api_key = "${SECRETS.openaiKey}"
`;
}

/** A token with all kinds of limits, which are never reached. */
async function createToken(url: string): Promise<string> {
  const management = new Management(url);
  const { id } = await management.ask("POST", "/projects", { name: "bench" });
  const { token } = await management.ask("POST", "/tokens", {
    name: "bench",
    project_id: id,
    limits: { requests_per_minute: 1_000_000, tokens_per_minute: 1_000_000_000, concurrent_requests: 1_000 },
    budget: { day_usd: 10_000, month_usd: 100_000 },
  });
  return String(token);
}

/** The durations of requests, in milliseconds. */
async function ask(url: string, { count, atOnce }: { count: number; atOnce: number }): Promise<number[]> {
  const times: number[] = [];
  await Promise.all(Array.from({ length: atOnce }, async () => {
    for (let sent = 0; sent < count / atOnce; sent++) {
      const begun = performance.now();
      const response = await fetch(`${url}/openai/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: BODY,
      });
      await response.text();
      times.push(performance.now() - begun);
      if (response.status !== 200) throw new Error(`status ${response.status}`);
    }
  }));
  return times;
}
