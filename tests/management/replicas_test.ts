import { assertEquals, assertMatch } from "@std/assert";
import { Replicas } from "../../src/management/replicas.ts";
import { VERSION } from "../../src/release.ts";
import { openStore } from "../../src/storage/open.ts";
import { pruneHourly } from "../../src/storage/pruner.ts";
import { type Store, StoreError } from "../../src/storage/store.ts";
import { withoutPostgres } from "../support/processes/postgres_server.ts";
import { inDatabase } from "../support/processes/shared_postgres.ts";
import { unless } from "../support/runner/left_out.ts";
import { until } from "../support/time/deadline.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

function onPostgres(what: string, work: (stores: [Store, Store]) => Promise<void>): void {
  Deno.test({
    ...unless(withoutPostgres(), what),
    fn: () =>
      inDatabase(async (url) => {
        const stores = await Promise.all([openStore(url), openStore(url)]);
        try {
          await work(stores);
        } finally {
          for (const store of stores) await store.close();
        }
      }),
  });
}

onPostgres(
  "Replicas: show each other their configurations, and warn if two readings differ",
  async (stores) => {
    const clock = new FakeClock();
    const logged: { event: string; detail: unknown }[] = [];
    const [one, other] = stores.map((store) =>
      new Replicas(store, {
        clock,
        log: (_level, event, fields) => void logged.push({ event, detail: fields?.detail }),
      })
    );
    if (one === undefined || other === undefined) throw new Error("two stores are open");
    one.setHash("abc");
    await one.announce();
    other.setHash("abc");
    await other.announce();
    const ids = [one.id, other.id].sort();
    assertEquals(other.seen.map(({ id, version, configHash }) => [id, version, configHash]), [
      [ids[0], VERSION, "abc"],
      [ids[1], VERSION, "abc"],
    ]);
    assertEquals([other.differ, logged], [false, []]);
    one.setHash("def");
    await one.announce();
    assertEquals(logged.length, 1, "it has read twice that they differ");
    await other.announce();
    assertEquals([other.differ, logged.length], [true, 1], "the first reading of the other one");
    await other.announce();
    assertEquals(logged.map(({ event }) => event), ["replicas_differ", "replicas_differ"]);
    assertMatch(String(logged[1]?.detail), new RegExp(`^this is ${other.id};.* (?:abc,.* def|def,.* abc)$`));
    await other.announce();
    assertEquals(logged.length, 2, "once");
    other.setHash("def");
    await other.announce();
    assertEquals(other.differ, false);
    await other.close();
    clock.pass(30_000);
    await until(() => one.seen.length === 1, "the other one to be left out");
    await one.close();
    assertEquals(clock.pending, 0);
  },
);

onPostgres("Replicas: show each other the versions of their shared limits", async (stores) => {
  const clock = new FakeClock();
  const versions = ["v1", "v1", undefined];
  const [store] = stores;
  const [one, other, older] = versions.map((limitsVersion) =>
    new Replicas(store, { clock, log: () => {}, limitsVersion })
  );
  if (one === undefined || other === undefined || older === undefined) throw new Error("three replicas");
  for (const replica of [one, other]) await replica.announce();
  assertEquals(other.hasOtherLimits, false);
  // What a program writes that knows no versions of limits.
  await store.announceReplica(older.id, "0.1.0 abc", 150_000);
  await other.announce();
  assertEquals(other.hasOtherLimits, true);
  await older.close();
  await other.announce();
  assertEquals(other.hasOtherLimits, false);
  for (const replica of [one, other]) await replica.close();
});

Deno.test("Replicas: a database that fails changes nothing, and the next time tries again", async () => {
  const clock = new FakeClock();
  let failure: StoreError | undefined = new StoreError("unreachable", "away");
  const replicas = new Replicas({
    claimTask: () => Promise.resolve(true),
    announceReplica: (id, text) =>
      failure === undefined ? Promise.resolve([{ id, text, ageMs: 0 }]) : Promise.reject(failure),
    removeReplica: () => failure === undefined ? Promise.resolve() : Promise.reject(failure),
  }, { clock, log: () => {} });
  replicas.setHash("abc");
  await replicas.announce();
  assertEquals([replicas.seen, replicas.differ], [[], false]);
  failure = undefined;
  await replicas.announce();
  assertEquals(replicas.seen.length, 1);
  failure = new StoreError("unreachable", "away");
  await replicas.close();
});

onPostgres(
  "pruneHourly: of two replicas, one prunes in an hour; one with another retention prunes too",
  async (stores) => {
    const clock = new FakeClock();
    const pruned: string[] = [];
    const stops: (() => void)[] = [];
    const start = (store: Store, name: string, retentionMs: number): Promise<void> => {
      const { promise, resolve } = Promise.withResolvers<void>();
      const counted = {
        ...store,
        async claimTask(task: string, everyMs: number) {
          const isOurs = await store.claimTask(task, everyMs);
          if (!isOurs) resolve();
          return isOurs;
        },
        prune(limits: Parameters<Store["prune"]>[0]) {
          pruned.push(name);
          return store.prune(limits);
        },
        async pruneMadeObjects(limits: Parameters<Store["pruneMadeObjects"]>[0]) {
          await store.pruneMadeObjects(limits);
          resolve();
        },
      };
      stops.push(pruneHourly(counted, {
        clock,
        retentionMs: () => retentionMs,
        onPruned() {},
        onFailed: (reason) => pruned.push(reason),
      }));
      return promise;
    };
    await Promise.all([start(stores[0], "replica", 90), start(stores[1], "replica", 90)]);
    assertEquals(pruned, ["replica"]);
    await start(stores[1], "other retention", 30);
    assertEquals(pruned, ["replica", "other retention"]);
    for (const stop of stops) stop();
  },
);
