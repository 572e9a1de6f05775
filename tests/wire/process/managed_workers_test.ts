/** Several threads of one process with the management plane: they share limits, budgets, tokens and usage. */

import { assert, assertEquals } from "@std/assert";
import { SignJWT } from "jose";
import { Management } from "../../bench/soak/management.ts";
import { RawClient, rawRequest } from "../../support/clients/raw_client.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { testKey } from "../../support/proxies/jwt_bench.ts";
import type { ProxyProcess } from "../../support/processes/proxy_process.ts";
import {
  billedUpstream,
  COST,
  counts,
  MANY,
  QUESTION,
  status,
} from "../../support/proxies/billed_requests.ts";
import { makeToken, ObjectProxies, spentBy, usageOf } from "../../support/proxies/object_proxy.ts";
import { unless, withoutLinux } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";

const ADMIN = `Authorization: Bearer ${SECRETS.managementToken}`;

type Part = (bench: { proxies: ObjectProxies; proxy: ProxyProcess; held: Held }) => Promise<void>;

/**
 * A test of several parts with one proxy, because the start of one with two threads takes as long as all
 * parts. A part makes its own tokens.
 */
function test(name: string, parts: Readonly<Record<string, Part>>): void {
  Deno.test({
    ...unless(withoutLinux(), `managed workers: ${name}`),
    async fn(context) {
      const held = new Held();
      await using upstream = billedUpstream(() => held.released);
      await using proxies = await ObjectProxies.at(upstream.origin);
      const proxy = await started(proxies);
      for (const [part, run] of Object.entries(parts)) {
        await context.step(part, async () => {
          try {
            await run({ proxies, proxy, held });
          } finally {
            held.release();
          }
        });
      }
    },
  });
}

/** Holds the responses of an upstream until a test releases them. */
class Held {
  released: Promise<void> = Promise.resolve();
  release: () => void = () => {};

  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.released = promise;
    this.release = resolve;
  }
}

function started(proxies: ObjectProxies): Promise<ProxyProcess> {
  return proxies.start({ WORKERS: "2" });
}

test("limits are exact, and a reload reaches both threads", {
  async "a rate limit of a token is exact over both threads"({ proxy }) {
    const token = await makeToken(proxy, "rate", { limits: { requests_per_minute: 7 } });
    assertEquals(await counts([proxy], token), { 200: 7, 429: MANY - 7 });
  },
  async "a limit of requests at the same time is exact over both threads"({ proxy, held }) {
    const token = await makeToken(proxy, "slots", { limits: { concurrent_requests: 3 } });
    held.hold();
    const clients = await Promise.all(Array.from({ length: MANY }, () => RawClient.connect(proxy.url)));
    const heads: number[] = [];
    const full = Promise.withResolvers<void>();
    const answered = clients.map(async (client) => {
      await client.send(
        `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: p\r\nAuthorization: Bearer ${token.value}\r\n` +
          `Content-Type: application/json\r\nContent-Length: ${QUESTION.length}\r\n\r\n${QUESTION}`,
      );
      heads.push((await client.head()).status);
      if (heads.length === MANY - 3) full.resolve();
    });
    await full.promise;
    assertEquals(heads, Array.from({ length: MANY - 3 }, () => 429));
    held.release();
    await Promise.all(answered);
    assertEquals(heads.filter((status) => status === 200).length, 3);
    clients.forEach((client) => client[Symbol.dispose]());
  },
  async "the most requests of a token are exact over both threads"({ proxy }) {
    const token = await makeToken(proxy, "most", { max_requests: 5 });
    assertEquals(await counts([proxy], token), { 200: 5, 429: MANY - 5 });
  },
  async "a reload that a command asks for reaches both threads"({ proxies, proxy }) {
    const file = `${proxies.folder}/config.toml`;
    const text = await Deno.readTextFile(file);
    await Deno.writeTextFile(file, text.replace(`"${SECRETS.proxyToken}"`, '"another-token-of-the-proxy"'));
    await new Management(proxy.url).ask("POST", "/reload");
    const ask = async (value: string) => (await counts([proxy], { value }));
    assertEquals(await ask("another-token-of-the-proxy"), { 200: MANY });
    assertEquals(await ask(SECRETS.proxyToken), { 401: MANY });
  },
  async "the limit of a person with tokens of a provider is exact over both threads, after a reload"(
    { proxies, proxy },
  ) {
    const key = await testKey("first");
    await Deno.writeTextFile(`${proxies.folder}/keys.json`, JSON.stringify({ keys: [key.jwk] }));
    const file = `${proxies.folder}/config.toml`;
    await Deno.writeTextFile(
      file,
      `${await Deno.readTextFile(file)}
[[auth.jwt]]
name = "sso"
issuer = "https://sso.test"
audience = "llm-proxy"
jwks_file = "keys.json"
default_project = "provider"
limits = { requests_per_minute = 7 }
`,
    );
    const management = new Management(proxy.url);
    await management.ask("POST", "/projects", { name: "provider" });
    await management.ask("POST", "/reload");
    const claims = { iss: "https://sso.test", aud: "llm-proxy", sub: "anna" };
    const value = await new SignJWT(claims).setProtectedHeader({ alg: "ES256", kid: "first" })
      .setExpirationTime("1h").sign(key.privateKey);
    assertEquals(await counts([proxy], { value }), { 200: 7, 429: MANY - 7 });
  },
});

test("both threads have the same tokens, usage and running requests", {
  async "a new token is valid on both threads at once, and a revoked one on neither"({ proxy }) {
    for (let round = 0; round < 5; round++) {
      const token = await makeToken(proxy, `anna ${round}`);
      assertEquals(await counts([proxy], token), { 200: MANY });
      await new Management(proxy.url).ask("DELETE", `/tokens/${token.id}`);
      assertEquals(await counts([proxy], token), { 401: MANY });
    }
  },
  async "usage, rows, metrics and spending have the requests of both threads as soon as their responses have ended"(
    { proxy },
  ) {
    const token = await makeToken(proxy, "usage");
    const management = new Management(proxy.url);
    const before = await management.exchangesCounted();
    for (let round = 1; round <= 5; round++) {
      assertEquals(await counts([proxy], token), { 200: MANY });
      assertEquals(await management.exchangesCounted() - before, round * MANY);
      assertEquals(await usageOf(proxy, token), {
        requests: round * MANY,
        input_tokens: 1_000 * round * MANY,
        output_tokens: 200 * round * MANY,
        cost_micros: COST * round * MANY,
      });
      assertEquals(await spentBy(proxy, token), COST * round * MANY);
    }
  },
  async "the management plane shows the running requests of both threads"({ proxy, held }) {
    const token = await makeToken(proxy, "running");
    held.hold();
    const running = counts([proxy], token);
    const management = new Management(proxy.url);
    await until(async () => await management.inFlight() === MANY, "all requests in flight");
    assertEquals(await management.inFlight(), MANY);
    held.release();
    assertEquals(await running, { 200: MANY });
    assertEquals(await management.inFlight(), 0);
  },
  async "a client that stops reading a stream of the management plane ends it, and a backup arrives whole"(
    { proxy },
  ) {
    using live = await RawClient.connect(proxy.url);
    await live.send(`GET /manage/exchanges/live HTTP/1.1\r\nHost: p\r\n${ADMIN}\r\n\r\n`);
    assertEquals((await live.head()).status, 200);
    const token = await makeToken(proxy, "stream");
    const body = live.reader.body([["transfer-encoding", "chunked"]], { untilClose: false });
    let text = "";
    const ended = (async () => {
      while (!text.includes("event: ended")) text += new TextDecoder().decode((await body.next()).value);
    })();
    assertEquals(await status(proxy, token), 200);
    await ended;
    assert(text.includes("event: started"), text);
    const backup = await rawRequest(proxy.url, ["GET /manage/backup HTTP/1.1", ADMIN]);
    assertEquals([backup.status, new TextDecoder().decode(backup.body.subarray(0, 15))], [
      200,
      "SQLite format 3",
    ]);
  },
  // It comes last, because it ends the proxy.
  async "a budget is exact over both threads, and over a restart"({ proxies, proxy }) {
    const budget = { total_usd: 10 * COST / 1_000_000 };
    const token = await makeToken(proxy, "budget", { budget });
    let spent = 0;
    // A request holds what it may cost until its thread has counted it.
    await until(async () => {
      await counts([proxy], token, 10);
      spent = await spentBy(proxy, token);
      return spent >= 10 * COST;
    }, "requests for the whole budget");
    assert(spent <= 11 * COST, `${spent} micro-dollars of ${10 * COST}`);
    assertEquals(await status(proxy, token), 429);
    await proxy.stop();
    const restarted = await started(proxies);
    assertEquals([await status(restarted, token), await spentBy(restarted, token)], [429, spent]);
  },
});
