/** `kill -9` at any moment: the database opens, and nothing that was committed is lost. */

import { assert, assertEquals, assertGreater } from "@std/assert";
import { openSqlite } from "../../src/storage/sqlite/sqlite.ts";
import { denoCommand } from "../support/processes/command.ts";
import { within } from "../support/time/deadline.ts";
import { FakeUpstream } from "../support/upstreams/fake_upstream.ts";
import { passing } from "../support/time/passing_time.ts";
import { proxyEnv, ProxyProcess } from "../support/processes/proxy_process.ts";
import { ALL_TOGETHER, NO_FILTER } from "../support/data/rows.ts";
import { random } from "../support/data/random.ts";
import { SECRETS } from "../support/data/secrets.ts";

const ROUNDS = 40;

/** Sums and single exchanges agree, because one transaction writes both. */
async function recorded(path: string): Promise<number> {
  const store = openSqlite(path);
  try {
    const [sum] = await store.usage(ALL_TOGETHER, NO_FILTER);
    let count = 0;
    for (let before: number | undefined, more = true; more;) {
      const page = {
        limit: 10_000,
        before,
        ...NO_FILTER,
        status: undefined,
        ending: undefined,
        requestId: undefined,
      };
      const { items, next } = await store.listExchanges(page);
      count += items.length;
      before = next;
      more = next !== undefined;
    }
    assertEquals(sum?.requests, count, "sums and exchanges");
    return count;
  } finally {
    store.close();
  }
}

Deno.test(`kill -9 while writing, ${ROUNDS} times: always opens, nothing committed is lost`, async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/x.db`;
  const { below } = random(9);
  let committed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const writer = new URL("../support/processes/writer.ts", import.meta.url).pathname;
    const child = denoCommand([
      "run",
      "-A",
      "--quiet",
      "--no-check",
      writer,
      path,
      round % 2 === 0 ? "threads" : "",
    ], {
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    // The child writes a byte after each commit of ten exchanges. The last byte may not have arrived yet.
    const wanted = 1 + below(60);
    let said = 0;
    while (said < wanted) {
      const { value, done } = await within(reader.read(), `commit ${said + 1} of ${wanted}`);
      if (done) break;
      said += value.length;
    }
    child.kill("SIGKILL");
    for (let end = false; !end;) {
      const { value, done } = await within(reader.read(), "the end of the killed writer");
      said += value?.length ?? 0;
      end = done;
    }
    await child.status;
    committed += said * 10;
    const found = await recorded(path);
    assert(found >= committed, `round ${round}: ${found} of ${committed}`);
    assert(
      found <= committed + 10,
      `round ${round}: at most the one that was under way: ${found}, ${committed}`,
    );
    committed = found;
  }
  assertGreater(committed, ROUNDS * 10);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("kill -9 of the proxy: every exchange that ended more than a second before is there", async () => {
  const folder = await Deno.makeTempDir();
  await using upstream = new FakeUpstream();
  const env = proxyEnv({
    upstream: upstream.origin,
    env: { MANAGEMENT_TOKEN: SECRETS.managementToken, DATABASE_URL: `sqlite:${folder}/x.db` },
  });
  const proxy = await ProxyProcess.startWith(env);
  const ended: number[] = [];
  let running = true;
  const clients = Array.from({ length: 4 }, async () => {
    while (running) {
      try {
        const response = await fetch(`${proxy.url}/openai/v1/models`, {
          headers: { authorization: `Bearer ${SECRETS.proxyToken}` },
        });
        await response.text();
        ended.push(performance.now());
      } catch {
        running = false;
      }
    }
  });
  await passing(2_500, { why: "the load has to last longer than what is due" });
  const killedAt = performance.now();
  proxy.kill("SIGKILL");
  await proxy.exited();
  await Promise.all(clients);
  const due = ended.filter((at) => at < killedAt - 1_000).length;
  assertGreater(due, 20);
  const found = await recorded(`${folder}/x.db`);
  assert(found >= due, `${found} of ${due} that were due, ${ended.length} in all`);
  await Deno.remove(folder, { recursive: true });
});
