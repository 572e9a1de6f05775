import { assertEquals } from "@std/assert";
import { AdapterClock } from "../../../src/limits/shared/adapter_clock.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const HOUR_MS = 3_600_000;

Deno.test("AdapterClock: the first answer counts, then only a certain time or a difference of more than a second", () => {
  const clock = new FakeClock();
  const adapter = new AdapterClock(clock);
  const aheadMs = () => adapter.epochMs - clock.epochMs();
  const seen: (number | boolean)[] = [adapter.isKnown, aheadMs()];
  for (
    const [byMs, isCertain] of [[300, false], [900, false], [1_301, false], [1_000, true], [
      -5_000,
      false,
    ]] as const
  ) {
    adapter.adjust(clock.epochMs() + byMs, { isCertain });
    seen.push(aheadMs());
  }
  assertEquals(seen, [false, 0, 300, 300, 1_301, 1_000, -5_000]);
  assertEquals(adapter.isKnown, true);
});

Deno.test("AdapterClock: the hour is that of the adapter", () => {
  const clock = new FakeClock();
  const adapter = new AdapterClock(clock);
  assertEquals(adapter.hour, FakeClock.START);
  adapter.adjust(FakeClock.START - 1, { isCertain: true });
  assertEquals(adapter.hour, FakeClock.START - HOUR_MS);
  clock.pass(1);
  assertEquals(adapter.hour, FakeClock.START);
});

Deno.test("AdapterClock: the clock of this machine can be set without a change", () => {
  const clock = new FakeClock();
  let setMs = 0;
  const adapter = new AdapterClock({ now: clock.now, epochMs: () => clock.epochMs() + setMs });
  adapter.adjust(FakeClock.START, { isCertain: false });
  setMs = -HOUR_MS;
  clock.pass(1);
  assertEquals([adapter.epochMs, adapter.hour], [FakeClock.START + 1, FakeClock.START]);
});
