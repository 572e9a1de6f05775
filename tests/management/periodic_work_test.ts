import { assertEquals } from "@std/assert";
import { PeriodicWork } from "../../src/management/periodic_work.ts";
import { until } from "../support/time/deadline.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

Deno.test("PeriodicWork: deletes old usage, confirms tokens although one try fails, makes backups, and stops", async () => {
  const folder = await Deno.makeTempDir();
  const clock = new FakeClock();
  const events: string[] = [];
  let confirmed = 0;
  const work = new PeriodicWork({
    prune: ({ exchangesBefore }) => Promise.resolve((clock.epochMs() - exchangesBefore) / 86_400_000),
    pruneObjects: () => Promise.resolve(),
    pruneMadeObjects: () => Promise.resolve(),
    pruneAccounts: () => Promise.resolve(),
    claimTask: () => Promise.resolve(true),
    copies: { backup: (file) => Deno.writeTextFile(file, "a copy") },
  }, {
    clock,
    log: (level, event, { detail = "" } = {}) => void events.push(`${level} ${event} ${detail}`.trim()),
    settings: {
      now: {
        retentionDays: 90,
        metricsPublic: false,
        adminIdleMs: 0,
        backup: { everyMs: 3_600_000, keep: 2, folder },
      },
    },
    confirmTokens: () => ++confirmed === 1 ? Promise.reject(new TypeError("cannot read x")) : undefined,
    onBackup: () => void events.push("backup"),
    onPruneFailed: (reason) => void events.push(reason),
    onUnexpected: (error) => void events.push(String(error)),
  });
  try {
    await until(() => events.length === 1, "the first deletion");
    for (const times of [1, 2]) {
      clock.pass(10_000);
      await until(() => confirmed === times && clock.pending === 3, "the next confirmation");
    }
    clock.pass(60_000);
    await until(() => events.includes("backup"), "a backup");
    await work.stop();
    const before = confirmed;
    clock.pass(3_600_000);
    assertEquals(confirmed, before);
    assertEquals(events, [
      "info usage_pruned 90 exchanges",
      "TypeError: cannot read x",
      "info backup_made",
      "backup",
    ]);
    assertEquals(clock.pending, 0);
  } finally {
    await work.stop();
    await Deno.remove(folder, { recursive: true });
  }
});
