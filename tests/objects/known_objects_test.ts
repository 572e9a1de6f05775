import { assertEquals } from "@std/assert";
import { KnownObjects } from "../../src/objects/known_objects.ts";
import type { MadeObject } from "../../src/storage/object_store.ts";
import { StoreError } from "../../src/storage/store.ts";
import { FakeClock } from "../support/time/fake_clock.ts";
import { madeObject } from "../support/data/rows.ts";

/** A database whose writes wait for the test. */
class SlowStore {
  readonly rows: MadeObject[] = [];
  isFailing = false;
  #release: (() => void)[] = [];

  async addMadeObjects(objects: readonly MadeObject[]): Promise<void> {
    await new Promise<void>((resolve) => this.#release.push(resolve));
    if (this.isFailing) throw new StoreError("busy", "the database is locked");
    for (const object of objects) {
      const isKnown = this.rows.some(({ id, account }) => id === object.id && account === object.account);
      if (!isKnown) this.rows.push(object);
    }
  }

  removeMadeObjects(removed: readonly Pick<MadeObject, "id" | "account">[]): Promise<void> {
    return new Promise((resolve) => {
      this.#release.push(() => {
        const isThere = (row: MadeObject) =>
          !removed.some(({ id, account }) => row.id === id && row.account === account);
        this.rows.splice(0, Infinity, ...this.rows.filter(isThere));
        resolve();
      });
    });
  }

  findMadeObjects(ids: readonly string[]): Promise<MadeObject[]> {
    return Promise.resolve(this.rows.filter(({ id }) => ids.includes(id)));
  }

  listObjectMakers() {
    return Promise.resolve(this.rows.map(({ account, maker, projectId }) => ({ account, maker, projectId })));
  }

  /** Completes the writes that wait. */
  release(): void {
    for (const resolve of this.#release.splice(0)) resolve();
  }
}

async function opened(store: SlowStore, failures: string[] = []) {
  const clock = new FakeClock();
  const objects = await KnownObjects.open({
    clock,
    store,
    isShared: false,
    onFailed: (reason) => failures.push(reason),
    onUnexpected(error) {
      throw error;
    },
  });
  return { objects, clock };
}

const ACCOUNT = "https://a.test 11111111";
const ROTATED = "https://a.test 22222222";
const OTHER = "https://b.test 11111111";

async function makersOf(objects: KnownObjects, accounts: readonly string[], id: string): Promise<string[]> {
  return (await objects.find(accounts, [id])).get(id)?.map(({ maker }) => maker) ?? [];
}

Deno.test("known objects: an object is known at once, while it is written and afterwards", async () => {
  const store = new SlowStore();
  const { objects } = await opened(store);
  objects.add(madeObject({ account: ACCOUNT, id: "file-1" }));
  objects.add(madeObject({ account: ACCOUNT, id: "file-1", maker: "token:late" }));
  assertEquals(await makersOf(objects, [ACCOUNT], "file-1"), ["token:tok_1"]);
  const during = makersOf(objects, [ACCOUNT], "file-1");
  store.release();
  assertEquals(await during, ["token:tok_1"]);
  const closed = objects.close();
  store.release();
  await closed;
  assertEquals(await makersOf(objects, [ACCOUNT], "file-1"), ["token:tok_1"]);
  assertEquals(store.rows.length, 1);
});

Deno.test("known objects: the database's maker of an object wins over a later one", async () => {
  const store = new SlowStore();
  store.rows.push(madeObject({ account: ACCOUNT, id: "file-1", maker: "token:first" }));
  const { objects } = await opened(store);
  objects.add(madeObject({ account: ACCOUNT, id: "file-1", maker: "token:late" }));
  assertEquals(await makersOf(objects, [ACCOUNT], "file-1"), ["token:first"]);
  const closed = objects.close();
  store.release();
  await closed;
  assertEquals(await makersOf(objects, [ACCOUNT], "file-1"), ["token:first"]);
});

Deno.test("known objects: a changed key and other accounts of the same address", async () => {
  const store = new SlowStore();
  store.rows.push(
    madeObject({ account: ACCOUNT, id: "file-1" }),
    madeObject({ account: ACCOUNT, id: "files/report", maker: "token:a" }),
    madeObject({ account: ROTATED, id: "files/report", maker: "token:b" }),
    madeObject({ account: OTHER, id: "files/other", maker: "token:c" }),
  );
  const { objects } = await opened(store);
  assertEquals(await makersOf(objects, [ROTATED], "file-1"), ["token:tok_1"], "after a rotation of the key");
  assertEquals(await makersOf(objects, [OTHER], "file-1"), [], "a client may have chosen this id elsewhere");
  assertEquals(await makersOf(objects, [ACCOUNT], "files/report"), ["token:a"]);
  assertEquals(await makersOf(objects, [ROTATED], "files/report"), ["token:b"]);
  assertEquals(await makersOf(objects, [ACCOUNT, ROTATED], "files/report"), ["token:a", "token:b"]);
  assertEquals(await makersOf(objects, [ACCOUNT], "files/other"), [], "a client chose this name elsewhere");
  assertEquals(objects.hasMaker([ROTATED], ({ maker }) => maker === "token:tok_1"), true);
  assertEquals(objects.hasMaker([OTHER], ({ maker }) => maker === "token:tok_1"), false);
  await objects.close();
});

Deno.test("known objects: a failed write is tried again, and its objects stay known", async () => {
  const store = new SlowStore();
  const failures: string[] = [];
  const { objects, clock } = await opened(store, failures);
  store.isFailing = true;
  objects.add(madeObject({ account: ACCOUNT, id: "file-1" }));
  await Promise.resolve();
  store.release();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  assertEquals(failures, ["the database is locked"]);
  assertEquals(await makersOf(objects, [ACCOUNT], "file-1"), ["token:tok_1"]);
  store.isFailing = false;
  clock.pass(10_000);
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  store.release();
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  assertEquals(store.rows.map(({ id }) => id), ["file-1"]);
  await objects.close();
});

Deno.test("known objects: memory is bounded without a database", async () => {
  const objects = new KnownObjects({
    clock: new FakeClock(),
    store: undefined,
    isShared: false,
    onFailed() {},
    onUnexpected() {},
  });
  for (let count = 0; count < 20_001; count++) {
    objects.add(madeObject({ account: ACCOUNT, id: `file-${count}` }));
  }
  assertEquals(await makersOf(objects, [ACCOUNT], "file-0"), []);
  assertEquals(await makersOf(objects, [ACCOUNT], "file-20000"), ["token:tok_1"]);
});

Deno.test("known objects: a removed object is unknown at once, and a new one can have its name", async () => {
  const store = new SlowStore();
  const first = madeObject({ account: ACCOUNT, id: "files/report", maker: "token:a" });
  store.rows.push(first, { ...first, account: OTHER });
  const { objects } = await opened(store);
  const makers = () => makersOf(objects, [ACCOUNT], "files/report");
  assertEquals(await makers(), ["token:a"]);
  objects.remove(first);
  assertEquals(await makers(), []);
  assertEquals(await makersOf(objects, [OTHER], "files/report"), ["token:a"]);
  objects.replace({ ...first, maker: "token:b" });
  assertEquals(await makers(), ["token:b"]);
  const closed = objects.close();
  store.release();
  await closed;
  assertEquals(await makers(), ["token:b"]);
  assertEquals(store.rows.map(({ account, maker }) => [account, maker]), [[OTHER, "token:a"], [
    ACCOUNT,
    "token:b",
  ]]);
});
