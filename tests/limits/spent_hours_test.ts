import { assertEquals } from "@std/assert";
import { SpentHours } from "../../src/limits/spent_hours.ts";

const HOUR_MS = 3_600_000;

Deno.test("SpentHours: nothing of the last 31 days is dropped in 70 days of spending, dated or not", () => {
  const hours = new SpentHours({ totalMicros: 0, hours: [] });
  const last = 70 * 24 - 1;
  for (let hour = 0; hour <= last; hour++) {
    hours.add(hour * HOUR_MS, { micros: hour + 1, isDated: hour % 2 === 0 });
  }
  const from = (last - 31 * 24) * HOUR_MS;
  let sum = 0;
  for (let hour = last - 31 * 24; hour <= last; hour++) sum += hour + 1;
  assertEquals(hours.since(from), sum);
  assertEquals(hours.totalMicros, (last + 1) * (last + 2) / 2);
  // Hours that were dropped do not come back.
  const before = hours.since(0);
  hours.moveTo(last * HOUR_MS);
  assertEquals(hours.since(0), before);
});

Deno.test("SpentHours: a cached sum is computed again after old hours were dropped", () => {
  const hours = new SpentHours({ totalMicros: 0, hours: [] });
  for (let hour = 0; hour < 1_600; hour++) hours.add(hour * HOUR_MS, { micros: 1, isDated: true });
  assertEquals(hours.since(0), 1_600);
  hours.add(1_600 * HOUR_MS, { micros: 1, isDated: true });
  assertEquals(hours.since(0), 62 * 24 + 1);
});
