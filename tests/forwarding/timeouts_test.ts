import { assertEquals } from "@std/assert";
import type { TimeoutLimits } from "../../src/config/config.ts";
import { PhaseTimer, type TimeoutExpired } from "../../src/forwarding/timeouts.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const NONE: TimeoutLimits = {
  connectMs: undefined,
  firstByteMs: undefined,
  idleMs: undefined,
  totalMs: undefined,
};

function watch(limits: Partial<TimeoutLimits>) {
  const clock = new FakeClock();
  const expired: TimeoutExpired[] = [];
  const timer = new PhaseTimer({ ...NONE, ...limits }, { clock }, (reason) => expired.push(reason));
  timer.enter("first byte");
  return { clock, timer, phases: () => expired.map(({ phase }) => phase) };
}

Deno.test("PhaseTimer: during an upload only the total timeout passes, and after the end none", () => {
  const clock = new FakeClock();
  const expired: string[] = [];
  const limits = { connectMs: 10, firstByteMs: 10, idleMs: 10, totalMs: 1_000 };
  const timer = new PhaseTimer(limits, { clock }, ({ phase }) => expired.push(phase));
  timer.enter("upload");
  clock.pass(999);
  assertEquals(expired, []);
  clock.pass(1);
  assertEquals(expired, ["total"]);
  timer.stop();
  timer.enter("first byte");
  assertEquals(clock.pending, 0);
});

Deno.test("PhaseTimer: the first byte has its timeout, and an arrival just before it is enough", () => {
  const late = watch({ firstByteMs: 100 });
  late.clock.pass(99);
  assertEquals(late.phases(), []);
  late.clock.pass(1);
  assertEquals(late.phases(), ["first byte"]);
  const timely = watch({ firstByteMs: 100 });
  timely.clock.pass(99);
  timely.timer.enter("idle");
  timely.clock.pass(10_000);
  assertEquals(timely.phases(), []);
});

Deno.test("PhaseTimer: silence counts from the last chunk, with one timer however many chunks", () => {
  const { clock, timer, phases } = watch({ idleMs: 100 });
  timer.enter("idle");
  for (let chunk = 0; chunk < 50; chunk++) {
    clock.pass(90);
    timer.pause();
    timer.enter("idle");
    assertEquals(clock.pending, 1);
  }
  assertEquals(phases(), []);
  clock.pass(99);
  assertEquals(phases(), []);
  clock.pass(1);
  assertEquals(phases(), ["idle"]);
});

Deno.test("PhaseTimer: the total timeout ends a stream that is never silent", () => {
  const { clock, timer, phases } = watch({ idleMs: 100, totalMs: 1_000 });
  timer.enter("idle");
  for (let chunk = 0; chunk < 20; chunk++) {
    clock.pass(50);
    timer.pause();
    timer.enter("idle");
  }
  assertEquals(phases(), ["total"]);
});

Deno.test("PhaseTimer: without timeouts it sets no timer, and after stop none fires", () => {
  assertEquals(watch({}).clock.pending, 0);
  const { clock, timer, phases } = watch({ firstByteMs: 10, totalMs: 20 });
  timer.stop();
  clock.pass(1_000);
  assertEquals([clock.pending, phases()], [0, []]);
});

Deno.test("PhaseTimer: connecting and TLS share a timeout, which starts again for each", () => {
  const { clock, timer, phases } = watch({ connectMs: 100, firstByteMs: 1_000 });
  timer.enter("connect");
  clock.pass(90);
  timer.enter("tls");
  clock.pass(90);
  timer.enter("first byte");
  clock.pass(999);
  assertEquals(phases(), []);
  clock.pass(1);
  assertEquals(phases(), ["first byte"]);
  const slow = watch({ connectMs: 100, firstByteMs: 1_000 });
  slow.timer.enter("tls");
  slow.clock.pass(100);
  assertEquals([slow.phases(), slow.clock.pending], [["tls"], 0]);
});

Deno.test("PhaseTimer: a slow client does not count as silence of the upstream, but the total timeout runs", () => {
  const { clock, timer, phases } = watch({ idleMs: 100, totalMs: 1_000 });
  timer.enter("idle");
  clock.pass(50);
  timer.pause();
  clock.pass(900);
  assertEquals(phases(), []);
  timer.enter("idle");
  clock.pass(49);
  assertEquals(phases(), []);
  clock.pass(1);
  assertEquals(phases(), ["total"]);
});
