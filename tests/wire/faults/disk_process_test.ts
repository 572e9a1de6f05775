/**
 * The database's disk as the whole program meets it: errors of the device while it runs, and a start that
 * cannot be.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { command } from "../../support/processes/command.ts";
import { firstOf, unless, without, withoutUnix } from "../../support/runner/left_out.ts";
import { MountedDisk, withoutMounts } from "../../support/processes/mounted_disk.ts";
import { proxyCommand, proxyEnv, ProxyProcess } from "../../support/processes/proxy_process.ts";
import { readRecorded } from "../../support/data/recorded.ts";
import { SECRETS } from "../../support/data/secrets.ts";

/** Nobody listens there, and nobody is asked. */
const NOWHERE = "http://127.0.0.1:9";

function managedEnv(upstream: string, database: string): Record<string, string> {
  const env = { MANAGEMENT_TOKEN: SECRETS.managementToken, DATABASE_URL: `sqlite:${database}` };
  return proxyEnv({ upstream, env });
}

Deno.test({
  ...unless(
    firstOf(withoutUnix(), without("prlimit")),
    "a disk with errors: usage waits, /health says so, it is logged once, and all is written afterwards",
  ),
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/x.db`;
    await using upstream = new FakeUpstream();
    // Without the signal a write beyond the limit is an error like that of a dying card: EFBIG instead of
    // EIO.
    const around = ["/bin/sh", "-c", `trap '' XFSZ; exec "$@"`, "sh"];
    {
      await using proxy = await ProxyProcess.startCommand(
        proxyCommand([], managedEnv(upstream.origin, path), undefined, { around }),
      );
      const health = async () => (await (await fetch(`${proxy.url}/health`)).json()).status;
      const ids: string[] = [];
      const ask = async () => {
        const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
        const response = await fetch(`${proxy.url}/openai/v1/unknown`, { headers });
        await response.text();
        ids.push(response.headers.get("x-request-id") ?? "");
      };
      await ask();
      await until(() => readRecorded(path).requestIds.length > 0, "the first exchange in the database");
      const { success } = await command("prlimit", {
        args: ["--pid", String(proxy.pid), "--fsize=1:unlimited"],
      }).output();
      assert(success);
      await until(async () => (await ask(), await health() !== "ok"), "the failure of the disk");
      const failingFrom = performance.now();
      while (performance.now() < failingFrom + 1_300) await ask();
      await command("prlimit", { args: ["--pid", String(proxy.pid), "--fsize=unlimited"] }).output();
      await until(async () => await health() === "ok", "the recovery of the disk");
      await proxy.logged(({ event }) => event === "storage_recovered");
      await proxy.stop();
      const lines = proxy.output.split("\n").filter((line) => /storage_failing|usage_dropped/.test(line));
      assertEquals(lines.length, 1, lines.join("\n"));
      assertMatch(lines[0] ?? "", /cannot be read or written \(disk I\/O error\); usage waits in the queue/);
      const { requestIds, summedRequests, integrity } = readRecorded(path);
      assertEquals(requestIds.length, ids.length);
      assertEquals([summedRequests, integrity], [ids.length, "ok"]);
    }
    await Deno.remove(folder, { recursive: true });
  },
});

/** A start that cannot be: what is done to the folder, and what is said. */
const NO_START: readonly (readonly [name: string, prepare: (folder: string) => void, said: RegExp])[] = [
  [
    "is no database",
    (folder) => Deno.writeTextFileSync(`${folder}/x.db`, "no database".repeat(1_000)),
    /^Cannot start: .*\/x\.db is damaged or not a database. To use a backup, run: llm-proxy restore FILE\.$/,
  ],
  [
    "is a folder",
    (folder) => Deno.mkdirSync(`${folder}/x.db`),
    /^Cannot start: .*\/x\.db cannot be written\.$/,
  ],
  [
    "was cut to half a page",
    (folder) => Deno.writeFileSync(`${folder}/x.db`, new TextEncoder().encode("SQLite format 3\0abc")),
    /^Cannot start: .*\/x\.db is damaged or not a database. To use a backup, run: llm-proxy restore FILE\.$/,
  ],
];

for (const [name, prepare, said] of NO_START) {
  Deno.test(`a database that ${name} ends the start with one line and exit code 1`, async () => {
    const folder = await Deno.makeTempDir();
    prepare(folder);
    await assertNoStart(`${folder}/x.db`, said);
    await Deno.remove(folder, { recursive: true });
  });
}

Deno.test("a data folder that is missing is made, and what happens is kept in it", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/not/yet/x.db`;
  await using upstream = new FakeUpstream();
  {
    await using proxy = await ProxyProcess.startWith(managedEnv(upstream.origin, path));
    const headers = { authorization: `Bearer ${SECRETS.proxyToken}` };
    const response = await fetch(`${proxy.url}/openai/v1/models`, { headers });
    assertEquals((await response.json()).object, "list");
  }
  assertEquals(readRecorded(path).requestIds.length, 1);
  await Deno.remove(folder, { recursive: true });
});

Deno.test({
  ...unless(
    await withoutMounts(),
    "a disk that is read-only or full ends the start with one line; writable again, the start is well",
  ),
  async fn() {
    await using disk = await MountedDisk.mount();
    const path = `${disk.path}/x.db`;
    await disk.setWritable(false);
    await assertNoStart(
      path,
      /^Cannot start: the database .*\/x\.db cannot be created: Read-only file system\.$/,
    );
    await disk.setWritable(true);
    const empty = await disk.fill();
    await assertNoStart(path, /^Cannot start: no space is left for .*\/x\.db\.$/);
    await empty();
    await (await ProxyProcess.startWith(managedEnv(NOWHERE, path)))[Symbol.asyncDispose]();
    await disk.setWritable(false);
    await assertNoStart(path, /^Cannot start: .*\/x\.db cannot be written\.$/);
    await disk.setWritable(true);
    await (await ProxyProcess.startWith(managedEnv(NOWHERE, path)))[Symbol.asyncDispose]();
  },
});

/** One line that says what is wrong, without a stack, and 1. */
async function assertNoStart(database: string, said: RegExp): Promise<void> {
  const { code, stdout, stderr } = await proxyCommand([], managedEnv(NOWHERE, database)).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals([code, out], [1, ""], err);
  assertMatch(err ?? "", /^[^\n]+\n$/, "one line");
  assertMatch((err ?? "").trimEnd(), said);
}
