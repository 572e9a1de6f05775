/** Objects that are awaited by replicas whose clocks differ, and whose database is slow. */

import { assertEquals } from "@std/assert";
import type { ObjectResponse } from "../../../src/accounting/settlement/object_response.ts";
import { Objects } from "../../../src/accounting/settlement/objects.ts";
import { Limiter } from "../../../src/limits/limiter.ts";
import { openStore } from "../../../src/storage/open.ts";
import type { AwaitedObject } from "../../../src/storage/object_store.ts";
import type { Store } from "../../../src/storage/store.ts";
import { awaitedObject } from "../../support/data/rows.ts";
import { withoutPostgres } from "../../support/processes/postgres_server.ts";
import { inDatabase } from "../../support/processes/shared_postgres.ts";
import { unless } from "../../support/runner/left_out.ts";
import { until } from "../../support/time/deadline.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const HOUR_MS = 3_600_000;
/** Other replicas are read within that. */
const SYNC_MS = 10_000;
const KEY = "token:tok_1";
const MAKER = {
  subjects: [{ key: KEY, what: "token", rules: { totalBudgetMicros: 1_000 } }],
} as const;

/** A replica, and its place in the budget of the token. */
class ReplicaOfObjects {
  readonly clock: FakeClock;
  readonly limiter: Limiter;
  readonly objects: Objects;
  readonly unexpected: unknown[];

  private constructor(
    clock: FakeClock,
    { limiter, objects, unexpected }: { limiter: Limiter; objects: Objects; unexpected: unknown[] },
  ) {
    this.clock = clock;
    this.limiter = limiter;
    this.objects = objects;
    this.unexpected = unexpected;
  }

  static async open(store: Store, { aheadMs = 0 }: { aheadMs?: number } = {}): Promise<ReplicaOfObjects> {
    const clock = new FakeClock(aheadMs);
    const limiter = new Limiter(clock);
    const unexpected: unknown[] = [];
    const objects = await Objects.open({
      store,
      clock,
      ledgers: limiter,
      onRow() {},
      onFailed: (reason) => unexpected.push(reason),
      onUnexpected: (error) => unexpected.push(error),
    });
    return new ReplicaOfObjects(clock, { limiter, objects, unexpected });
  }

  /** Makes an object that reserves the whole budget. */
  make(id: string): AwaitedObject {
    const admission = this.limiter.admit(MAKER);
    admission.reserve({ tokens: 0, micros: 1_000 });
    const held = admission.handOver();
    const object = awaitedObject({
      id,
      madeAt: this.clock.epochMs(),
      expiresAt: this.clock.epochMs() + 24 * HOUR_MS,
    });
    this.objects.add(object, held);
    admission.settle({ tokens: undefined, micros: undefined });
    return object;
  }

  /** A client of this replica sees that the object is over. */
  async end(object: AwaitedObject, micros: number): Promise<void> {
    this.objects.responseEnded(lookAt(object, micros));
    await this.objects.idle();
  }

  async sync(): Promise<void> {
    this.clock.pass(SYNC_MS);
    await this.objects.idle();
  }

  /** What is spent, and whether the token can request anything more. */
  get standing(): { spent: number; isFull: boolean } {
    const spent = this.limiter.spent(KEY)?.totalMicros ?? 0;
    try {
      this.limiter.admit(MAKER).settle({ tokens: undefined, micros: undefined });
      return { spent, isFull: false };
    } catch {
      return { spent, isFull: true };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.objects.close();
    assertEquals(this.unexpected, []);
  }
}

function lookAt(object: AwaitedObject, micros: number): ObjectResponse {
  const usage = { inputTokens: 3, outputTokens: 4 };
  return {
    request: { kind: "response", action: "read", id: object.id },
    endpoint: object.endpoint,
    providerAccount: object.providerAccount,
    summary: {
      usage,
      object: {
        id: object.id,
        state: "done",
        isBackground: true,
        resultsId: undefined,
        listed: [],
        parts: [],
      },
    },
    isWhole: true,
    receivedBytes: () => 0,
    charge: () => ({
      charge: { usage, tokens: 7, cost: { micros, version: "test" }, source: "provider" },
      tokens: 7,
      model: "m",
      stopReason: undefined,
    }),
    asOwnObject: () => object,
  };
}

function test(what: string, work: (stores: readonly [Store, Store]) => Promise<void>): void {
  Deno.test({
    ...unless(withoutPostgres(), `Objects of replicas: ${what}`),
    fn: () =>
      inDatabase(async (url) => {
        const stores = [await openStore(url), await openStore(url)] as const;
        try {
          await work(stores);
        } finally {
          for (const store of stores) await store.close();
        }
      }),
  });
}

for (
  const [what, aheadMs] of [
    ["an hour ahead", HOUR_MS],
    ["an hour behind", -HOUR_MS],
  ] as const
) {
  test(`each learns of what the other one made and settled, with a clock that is ${what}`, async (stores) => {
    await using first = await ReplicaOfObjects.open(stores[0]);
    await using second = await ReplicaOfObjects.open(stores[1], { aheadMs });
    for (const [maker, other, id] of [[first, second, "resp_1"], [second, first, "resp_2"]] as const) {
      const before = other.standing.spent;
      const object = maker.make(id);
      await maker.objects.idle();
      await other.sync();
      assertEquals(other.standing, { spent: before, isFull: true }, "the other one holds it too");
      await other.end(object, 30);
      await maker.sync();
      assertEquals(maker.standing, { spent: before + 30, isFull: false }, "the maker holds it no more");
    }
  });
}

test("the maker learns of a settlement whose transaction took longer than two reads of the changes", async (stores) => {
  await using maker = await ReplicaOfObjects.open(stores[0]);
  const object = maker.make("resp_1");
  await maker.objects.idle();
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const slow: Store = {
    ...stores[1],
    async settleObject(...of) {
      begun.resolve();
      await go.promise;
      return await stores[1].settleObject(...of);
    },
  };
  await using other = await ReplicaOfObjects.open(slow);
  const ended = other.end(object, 30);
  await begun.promise;
  for (let count = 0; count < 3; count++) await maker.sync();
  assertEquals(maker.standing, { spent: 0, isFull: true });
  go.resolve();
  await ended;
  await maker.sync();
  assertEquals(maker.standing, { spent: 30, isFull: false });
});

test("an object that its maker settles while it reads the changes counts once, and is held no more", async (stores) => {
  const read = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  let isSlow = false;
  const slow: Store = {
    ...stores[0],
    async listChangedObjects(...of) {
      const listed = await stores[0].listChangedObjects(...of);
      if (isSlow) {
        read.resolve();
        await go.promise;
      }
      return listed;
    },
  };
  await using maker = await ReplicaOfObjects.open(slow);
  const object = maker.make("resp_1");
  await maker.objects.idle();
  isSlow = true;
  maker.clock.pass(SYNC_MS);
  await read.promise;
  maker.objects.responseEnded(lookAt(object, 30));
  await until(() => !maker.standing.isFull, "the settlement");
  isSlow = false;
  go.resolve();
  await maker.objects.idle();
  assertEquals(maker.standing, { spent: 30, isFull: false });
  await maker.sync();
  assertEquals(maker.standing, { spent: 30, isFull: false });
});
