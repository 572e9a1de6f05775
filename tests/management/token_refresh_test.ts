import { assertEquals } from "@std/assert";
import { TokenRefresh } from "../../src/management/token_refresh.ts";
import { StoreError } from "../../src/storage/store.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

/** A refresh whose reads of the database end when the test says so. */
function hangingRefresh() {
  const clock = new FakeClock();
  const reads: PromiseWithResolvers<void>[] = [];
  const failures: unknown[] = [];
  const tokens = {
    secrets: [],
    mayHaveChanged: () => true,
    refresh: () => {
      const read = Promise.withResolvers<void>();
      reads.push(read);
      return read.promise;
    },
  };
  const refresh = new TokenRefresh(tokens, {
    clock,
    log: (_level, event) => failures.push(event),
    onSecrets: () => {},
  });
  return { clock, reads, failures, refresh };
}

Deno.test("TokenRefresh: a request waits a second for the database, and the next ones do not wait for it", async () => {
  const { clock, reads, refresh } = hangingRefresh();
  const first = refresh.refreshIfChanged();
  clock.pass(1_000);
  await first;
  assertEquals(reads.length, 1);
  // The database is read for each request that could use its answer, and none waits.
  assertEquals(refresh.refreshIfChanged(), undefined);
  assertEquals(reads.length, 2);
});

Deno.test("TokenRefresh: requests wait again after a refresh has succeeded, and not after one has failed", async () => {
  const { clock, reads, failures, refresh } = hangingRefresh();
  const slow = refresh.refreshIfChanged();
  clock.pass(1_000);
  await slow;
  const failed = refresh.refresh();
  reads[1]?.reject(new StoreError("busy", "the database is busy"));
  await failed;
  assertEquals(failures, ["storage_failing"]);
  assertEquals(refresh.refreshIfChanged(), undefined);
  const succeeded = refresh.refresh();
  reads[3]?.resolve();
  await succeeded;
  const waited = refresh.refreshIfChanged();
  reads[4]?.resolve();
  await waited;
  assertEquals([waited !== undefined, refresh.hasFailed], [true, false]);
});

Deno.test("TokenRefresh: a wait that the database ends leaves no timer", async () => {
  const { clock, reads, refresh } = hangingRefresh();
  const waiting = refresh.refreshIfChanged();
  reads[0]?.resolve();
  await waiting;
  assertEquals(clock.pending, 0);
});

Deno.test("TokenRefresh: the tokens are confirmed by an unchanged database and by a read, since its begin", async () => {
  const clock = new FakeClock();
  let hasChanged = true;
  let failure: StoreError | undefined;
  const refresh = new TokenRefresh({
    secrets: [],
    mayHaveChanged: () => hasChanged,
    refresh: () => failure === undefined ? Promise.resolve() : Promise.reject(failure),
  }, { clock, log: () => {}, onSecrets: () => {} });
  failure = new StoreError("unreachable", "away");
  clock.pass(30_000);
  await refresh.refreshIfChanged();
  assertEquals([refresh.unconfirmedMs, refresh.isAway], [30_000, true]);
  failure = undefined;
  await refresh.refreshIfChanged();
  assertEquals([refresh.unconfirmedMs, refresh.isAway], [0, false]);
  clock.pass(20_000);
  hasChanged = false;
  assertEquals([refresh.unconfirmedMs, refresh.refreshIfChanged(), refresh.unconfirmedMs], [
    20_000,
    undefined,
    0,
  ]);
});
