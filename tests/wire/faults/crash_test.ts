/** `kill -9` of the whole proxy under load: it is back at once, and what had ended is there. */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { namelessProvider, STREAM_END } from "../../support/upstreams/nameless_provider.ts";
import { passing } from "../../support/time/passing_time.ts";
import { proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { readRecorded } from "../../support/data/recorded.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const ROUNDS = 3;
/** By the round: as fast as it goes, and so slowly that no batch is written because it is full. */
const PACES_MS = [0, 40, 40];
const CLIENTS = 6;
/** How long each round's load lasts; what ended in its last second may be lost. */
const LOAD_MS = 2_200;
const DUE_AFTER_MS = 1_000;
/** A second on a machine with nothing else to do; others work on slow ones. */
const MAX_RESTART_MS = 5_000;

Deno.test(`kill -9 under load, ${ROUNDS} times: it serves again at once, and nothing that was due is missing`, async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/x.db`;
  let paceMs = 0;
  await using upstream = new FakeUpstream({
    script: namelessProvider(() => passing(paceMs, { why: "the provider sends at a pace" })),
  });
  const env = proxyEnv({
    upstream: upstream.origin,
    env: { MANAGEMENT_TOKEN: SECRETS.managementToken, DATABASE_URL: `sqlite:${path}` },
  });
  const due: string[] = [];
  let token: string | undefined;
  for (let round = 0; round <= ROUNDS; round++) {
    const spawnedAt = performance.now();
    const proxy = await ProxyProcess.startWith(env);
    assertEquals(await (await fetch(`${proxy.url}/healthz`)).text(), "ok");
    token ??= await makeToken(proxy.url);
    const first = await ask(proxy.url, { token, stream: false });
    const restartMs = performance.now() - spawnedAt;
    assertLess(restartMs, MAX_RESTART_MS);
    console.log(`${round === 0 ? "start" : "start after kill -9"}: ${Math.round(restartMs)} ms to an answer`);
    // Of the last start only that it serves is asked, and that it ends as it should.
    if (round === ROUNDS) {
      await proxy[Symbol.asyncDispose]();
      due.push(first.id);
      break;
    }
    paceMs = PACES_MS[round] ?? 0;
    const { ended, killedAt } = await loadUntilKilled(proxy, token);
    due.push(first.id);
    for (const { id, at } of ended) if (at < killedAt - DUE_AFTER_MS) due.push(id);
    assertRecorded(path, { due, round });
  }
  assertRecorded(path, { due, round: ROUNDS });
  assertGreater(due.length, ROUNDS * 20);
  await Deno.remove(folder, { recursive: true });

  /** Nothing that was due is missing, nothing is there twice, and the sums are the exchanges'. */
  function assertRecorded(path: string, { due, round }: { due: readonly string[]; round: number }): void {
    const { requestIds, exchangeBytes, summedRequests, summedBytes, tokenRequests, ofTokens, integrity } =
      readRecorded(path);
    assertEquals(integrity, "ok");
    const written = new Set(requestIds);
    assertEquals(written.size, requestIds.length, "each exchange is there once");
    assertEquals(due.filter((id) => !written.has(id)), [], `round ${round}: missing of ${due.length}`);
    assertEquals([summedRequests, summedBytes], [requestIds.length, exchangeBytes], "sums");
    assertEquals([tokenRequests, ofTokens], [requestIds.length, requestIds.length], "what the token counts");
  }
});

/** An exchange that a client saw end, and when. */
interface Ended {
  readonly id: string;
  readonly at: number;
}

/** Parallel clients, plain and streamed, until the proxy is killed under them. */
async function loadUntilKilled(
  proxy: ProxyProcess,
  token: string,
): Promise<{ ended: Ended[]; killedAt: number }> {
  const ended: Ended[] = [];
  let isKilled = false;
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    while (true) {
      try {
        ended.push(await ask(proxy.url, { token, stream: client % 2 === 1 }));
      } catch (error) {
        if (!isKilled) throw error;
        return;
      }
    }
  });
  await passing(LOAD_MS, { why: "the load has to last longer than what is due" });
  isKilled = true;
  const killedAt = performance.now();
  proxy.kill("SIGKILL");
  await Promise.all([proxy.exited(), ...clients]);
  return { ended, killedAt };
}

/** One exchange that has to be whole; fails where the proxy dies under it. */
async function ask(url: string, { token, stream }: { token: string; stream: boolean }): Promise<Ended> {
  const response = await fetch(`${url}/openai/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "demo-small", stream, messages: [{ role: "user", content: "hello" }] }),
  });
  const text = await response.text();
  assertEquals(response.status, 200, text);
  assert(!stream || text.endsWith(STREAM_END), text);
  return { id: response.headers.get("x-request-id") ?? "", at: performance.now() };
}

async function makeToken(url: string): Promise<string> {
  const made = async (path: string, body: unknown): Promise<Record<string, unknown>> => {
    const response = await fetch(`${url}/manage/${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${SECRETS.managementToken}`,
        "content-type": "application/json",
      },
      body: JSON.stringify(body),
    });
    assertEquals(response.status, 201);
    return await response.json();
  };
  const { id } = await made("projects", { name: "home" });
  const { token } = await made("tokens", { project_id: id, name: "anna" });
  return String(token);
}
