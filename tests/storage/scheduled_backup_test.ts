import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { backupOnSchedule, type BackupSchedule } from "../../src/storage/scheduled_backup.ts";
import { until } from "../support/time/deadline.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const HOUR_MS = 3_600_000;

/** A schedule on a clock that the test moves, with a fake store. */
class Scheduled {
  readonly clock = new FakeClock();
  readonly made: string[] = [];
  readonly failed: string[] = [];
  plan: BackupSchedule | undefined;
  problem: string | undefined;
  readonly stop: () => Promise<void>;

  constructor(readonly folder: string, everyMs: number | undefined, keep = 3) {
    this.plan = everyMs === undefined ? undefined : { everyMs, keep, folder };
    this.stop = backupOnSchedule({ backup: (file) => this.#copy(file) }, {
      clock: this.clock,
      schedule: () => this.plan,
      onDone: (file) => this.made.push(file),
      onFailed: (reason) => this.failed.push(reason),
    });
  }

  async #copy(file: string): Promise<void> {
    if (this.problem !== undefined) throw new Error(this.problem);
    await Deno.writeTextFile(file, "a copy");
  }

  /** Advances the clock minute by minute, and waits for each check. */
  async pass(durationMs: number): Promise<void> {
    for (let minute = 0; minute < durationMs / 60_000; minute++) {
      this.clock.pass(60_000);
      await until(() => this.clock.pending > 0, "the next timer");
    }
  }

  get names(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }
}

async function scheduled(
  everyMs: number | undefined,
  test: (backups: Scheduled) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  const backups = new Scheduled(`${folder}/backups`, everyMs);
  try {
    await test(backups);
  } finally {
    await backups.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("backupOnSchedule: makes a copy at each interval, keeps the newest, and leaves other files", () =>
  scheduled(6 * HOUR_MS, async (backups) => {
    await backups.pass(2 * 60_000);
    assertEquals(backups.made.length, 1);
    assertMatch(backups.names[0] ?? "", /^llm-proxy-20260429T000100Z\.db$/);
    assertEquals((await Deno.stat(`${backups.folder}/${backups.names[0]}`)).mode! & 0o777, 0o600);
    await Deno.writeTextFile(`${backups.folder}/llm-proxy-old.db`, "mine");
    await Deno.writeTextFile(`${backups.folder}/llm-proxy-20260101T000000Z.db.part`, "half");
    await backups.pass(24 * HOUR_MS);
    assertEquals(backups.made.length, 5);
    assertEquals(backups.names, [
      "llm-proxy-20260429T120100Z.db",
      "llm-proxy-20260429T180100Z.db",
      "llm-proxy-20260430T000100Z.db",
      "llm-proxy-old.db",
    ]);
  }));

Deno.test("backupOnSchedule: counts copies of an earlier run, and not those with a future time", () =>
  scheduled(6 * HOUR_MS, async (backups) => {
    await Deno.mkdir(backups.folder);
    await Deno.writeTextFile(`${backups.folder}/llm-proxy-20260428T200000Z.db`, "earlier");
    await Deno.writeTextFile(`${backups.folder}/llm-proxy-20990101T000000Z.db`, "a wrong clock");
    await backups.pass(HOUR_MS);
    assertEquals(backups.made, []);
    await backups.pass(HOUR_MS);
    assertEquals(backups.made.length, 1);
  }));

Deno.test("backupOnSchedule: keeps copies with a future time besides the others", () =>
  scheduled(6 * HOUR_MS, async (backups) => {
    await Deno.mkdir(backups.folder);
    // The clock was years ahead when these were made.
    for (const year of [2097, 2098, 2099]) {
      await Deno.writeTextFile(`${backups.folder}/llm-proxy-${year}0101T000000Z.db`, "");
    }
    await backups.pass(2 * 60_000);
    assertEquals(backups.names.length, 4);
    assertEquals(backups.names[0], "llm-proxy-20260429T000100Z.db");
  }));

Deno.test("backupOnSchedule: rejects a folder that every account can write to", () =>
  scheduled(6 * HOUR_MS, async (backups) => {
    await Deno.mkdir(backups.folder);
    await Deno.chmod(backups.folder, 0o777);
    await backups.pass(2 * 60_000);
    assertEquals([backups.made, backups.failed.length], [[], 1]);
    assertStringIncludes(backups.failed[0] ?? "", "every account of this machine can write");
  }));

Deno.test("backupOnSchedule: reports a failure, leaves no file, and retries after a quarter of the interval", () =>
  scheduled(4 * HOUR_MS, async (backups) => {
    backups.problem = "no space left";
    await backups.pass(30 * 60_000);
    assertEquals(backups.failed, ["no space left"]);
    assertEquals(backups.names, []);
    await backups.pass(HOUR_MS);
    assertEquals(backups.failed.length, 2);
    backups.problem = undefined;
    await backups.pass(HOUR_MS);
    assertEquals([backups.failed.length, backups.made.length], [2, 1]);
  }));

Deno.test("backupOnSchedule: applies a changed schedule while the program runs", () =>
  scheduled(undefined, async (backups) => {
    await backups.pass(HOUR_MS);
    assertEquals(backups.made, []);
    backups.plan = { everyMs: HOUR_MS, keep: 1, folder: backups.folder };
    await backups.pass(2 * HOUR_MS);
    assertEquals([backups.made.length, backups.names.length], [2, 1]);
  }));
