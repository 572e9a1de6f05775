/** A database that fails while the proxy serves: clients notice nothing, and nothing is lost. */

import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { until } from "../../support/time/deadline.ts";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { ManagedProxy } from "../../support/proxies/managed_proxy.ts";
import { unless } from "../../support/runner/left_out.ts";
import { MountedDisk, withoutMounts } from "../../support/processes/mounted_disk.ts";
import { namelessProvider, STREAM_END } from "../../support/upstreams/nameless_provider.ts";
import { readRecorded } from "../../support/data/recorded.ts";

/** The longest an answer may take while the database fails; it takes milliseconds where nothing waits. */
const SLOWEST_MS = 2_000;
/** The writer tries again after a second: so long sees one try at the least fail again. */
const FAILING_MS = 1_300;
const CLIENTS = 3;

/** What befalls the database, and how it passes. */
interface DatabaseFault {
  readonly name: string;
  /** What is logged, once each. */
  readonly said: readonly RegExp[];
  /** Whether the management API can change nothing meanwhile. */
  readonly refusesChanges: boolean;
  /** Gives what lifts it. */
  readonly begin: (path: string) => Lift | Promise<Lift>;
}

type Lift = () => void | Promise<void>;

const FAULTS: readonly DatabaseFault[] = [
  {
    name: "locked by another program for long",
    refusesChanges: true,
    said: [/ is locked by another program; usage waits in the queue$/],
    begin(path) {
      const other = new DatabaseSync(path);
      other.exec("BEGIN EXCLUSIVE");
      return () => {
        other.exec("COMMIT");
        other.close();
      };
    },
  },
  {
    name: "moved away",
    refusesChanges: true,
    said: [/ was removed or replaced while it was open: .*; usage waits in the queue$/],
    begin(path) {
      Deno.renameSync(path, `${path}.away`);
      return () => Deno.renameSync(`${path}.away`, path);
    },
  },
  {
    name: "replaced by a copy",
    refusesChanges: true,
    said: [/ was removed or replaced while it was open: .*; usage waits in the queue$/],
    begin(path) {
      Deno.renameSync(path, `${path}.away`);
      Deno.copyFileSync(`${path}.away`, path);
      return () => Deno.renameSync(`${path}.away`, path);
    },
  },
  {
    name: "robbed of its exchanges",
    refusesChanges: false,
    said: [/ is damaged or not a database\. .*; usage waits in the queue$/],
    begin: (path) => withoutTable(path, "exchanges"),
  },
  {
    name: "robbed of its tokens",
    refusesChanges: false,
    said: [
      / is damaged or not a database\. .*; known tokens stay valid$/,
      / is damaged or not a database\. .*; usage waits in the queue$/,
    ],
    begin: (path) => withoutTable(path, "tokens"),
  },
];

for (const fault of FAULTS) {
  Deno.test(`a database that is ${fault.name}: known tokens stay valid, and all that happened is written afterwards`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      await suffers(`${folder}/x.db`, fault);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test({
  ...unless(
    await withoutMounts(),
    "a database on a full disk: known tokens stay valid, and all that happened is written afterwards",
  ),
  async fn() {
    await using disk = await MountedDisk.mount();
    await suffers(`${disk.path}/x.db`, {
      said: [/^no space is left for .*\/x\.db; usage waits in the queue$/],
      refusesChanges: true,
      begin: () => disk.fill(),
    });
  },
});

/** Serves while a fault lasts and afterwards, and compares what clients saw with what is written. */
async function suffers(
  path: string,
  { said, refusesChanges, begin }: Omit<DatabaseFault, "name">,
): Promise<void> {
  await using upstream = new FakeUpstream({ script: namelessProvider() });
  await using managed = await ManagedProxy.start(upstream, { management: { databaseUrl: `sqlite:${path}` } });
  const { value } = await managed.token();
  const bench = new ClientBench(managed, value);
  const health = async () => (await (await fetch(`${managed.url}/health`)).json()).status;
  await bench.ask();
  await managed.api("GET", "/usage"); // which writes what waits
  assertEquals([await health(), readRecorded(path).requestIds.length], ["ok", 1]);

  const lift = await begin(path);
  let degradedAt: number | undefined;
  await bench.serveUntil(async () => {
    if (await health() === "degraded") degradedAt ??= performance.now();
    return degradedAt !== undefined && performance.now() > degradedAt + FAILING_MS;
  });
  const changed = await managed.api("POST", "/projects", { name: "meanwhile" });
  assertEquals(changed.status, refusesChanges ? 503 : 201);
  assertEquals(await (await fetch(`${managed.url}/healthz`)).text(), "ok");
  const lines = managed.planeLog.filter(({ event }) => event === "storage_failing");
  assertEquals(lines.length, said.length, `each is said once: ${JSON.stringify(lines)}`);
  for (const [index, words] of said.entries()) assertMatch(String(lines[index]?.["detail"]), words);

  await lift();
  await bench.ask();
  await until(async () => (await bench.ask(), await health() === "ok"), "the recovery of the disk");
  await managed.api("GET", "/usage");
  assertEquals((await managed.api("POST", "/projects", { name: "afterwards" })).status, 201);
  const recovered = managed.planeLog.filter(({ event }) => event === "storage_recovered");
  assertEquals(recovered.length, 1);
  assertEquals(managed.planeLog.filter(({ event }) => event === "usage_dropped"), []);

  const { requestIds, summedRequests, exchangeBytes, summedBytes, tokenRequests, integrity } = readRecorded(
    path,
  );
  assertEquals(requestIds.toSorted(), bench.requestIds.toSorted(), "each exchange once, and no other");
  assertEquals([summedRequests, tokenRequests], [requestIds.length, requestIds.length], "sums");
  assertEquals([summedBytes, integrity], [exchangeBytes, "ok"]);
  const { body } = await managed.api("GET", "/usage");
  assertEquals(body.data[0].requests, requestIds.length);
  assertGreater(bench.requestIds.length, 20);
  assertLess(bench.slowestMs, SLOWEST_MS, "the slowest answer");
}

/** Clients with a known token, plain and streamed in turn. */
class ClientBench {
  readonly requestIds: string[] = [];
  slowestMs = 0;
  readonly #managed: ManagedProxy;
  readonly #token: string;

  constructor(managed: ManagedProxy, token: string) {
    this.#managed = managed;
    this.#token = token;
  }

  /** One request, which has to be answered whole. */
  async ask(): Promise<void> {
    const stream = this.requestIds.length % 2 === 1;
    const messages = [{ role: "user", content: "hello" }];
    const startedAt = performance.now();
    const response = await this.#managed.chat(this.#token, { model: "demo-small", stream, messages });
    const text = await response.text();
    this.slowestMs = Math.max(this.slowestMs, performance.now() - startedAt);
    assertEquals(response.status, 200, text);
    assert(stream ? text.endsWith(STREAM_END) : JSON.parse(text).object === "chat.completion", text);
    this.requestIds.push(response.headers.get("x-request-id") ?? "");
  }

  /** Asks one after the other, several at a time. */
  async serveUntil(done: () => Promise<boolean>): Promise<void> {
    let isDone = false;
    const clients = Array.from({ length: CLIENTS }, async () => {
      while (!isDone) await this.ask();
    });
    try {
      await until(done, "what the clients are served until");
    } finally {
      isDone = true;
    }
    await Promise.all(clients);
  }
}

/** Renames a table, as a program might that takes the database for its own. */
function withoutTable(path: string, table: string): () => void {
  const rename = (from: string, to: string) => {
    const other = new DatabaseSync(path);
    other.exec(`PRAGMA busy_timeout = 2000; ALTER TABLE ${from} RENAME TO ${to}`);
    other.close();
  };
  rename(table, "taken");
  return () => rename("taken", table);
}
