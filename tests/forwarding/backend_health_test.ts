import { assertEquals } from "@std/assert";
import { BackendHealth, LONGEST_COOLDOWN_MS } from "../../src/forwarding/backend_health.ts";

/** Failures of one holder, by which the health of that holder fails. */
const OWN = { holder: "anna", isCertain: false, needsOthers: false };
/** The same failures, by which the health for all holders fails. */
const ALL = { ...OWN, needsOthers: true };

Deno.test("BackendHealth: the third failure in a row begins a cooldown, and each further one doubles it", () => {
  const health = new BackendHealth();
  assertEquals([health.failed(1, { ...OWN, now: 0 }), health.failed(1, { ...OWN, now: 0 })], [false, false]);
  assertEquals(health.isAvailable(0), true);
  assertEquals(health.failed(1, { ...OWN, now: 0 }), true, "the first cooldown in a row");
  assertEquals([health.isAvailable(4_999), health.isAvailable(5_000)], [false, true]);
  assertEquals(health.failed(1, { ...OWN, now: 5_000 }), false);
  assertEquals([health.isAvailable(14_999), health.isAvailable(15_000)], [false, true]);
  for (let failure = 0; failure < 20; failure++) health.failed(1, { ...OWN, now: 15_000 });
  assertEquals(health.skippedUntil, 15_000 + LONGEST_COOLDOWN_MS);
});

Deno.test("BackendHealth: a success ends the cooldown, and the count begins again", () => {
  const health = new BackendHealth();
  assertEquals(health.succeeded(), false);
  health.failed(3, { ...OWN, now: 0 });
  assertEquals([health.succeeded(), health.isAvailable(0), health.failures], [true, true, 0]);
  assertEquals(health.failed(2, { ...OWN, now: 0 }), false);
});

Deno.test("BackendHealth: for all holders it takes failures of two, or failures to connect", () => {
  const doubtful = new BackendHealth();
  for (let failure = 0; failure < 9; failure++) doubtful.failed(1, { ...ALL, now: 0 });
  assertEquals([doubtful.isFailing, doubtful.failures], [false, 2]);
  assertEquals(doubtful.failed(1, { ...ALL, holder: "ben", now: 0 }), true);
  const certain = new BackendHealth();
  assertEquals(certain.failed(3, { ...ALL, isCertain: true, now: 0 }), true);
});

Deno.test("BackendHealth: after a cooldown one request probes, and others wait for it for five seconds", () => {
  const health = new BackendHealth();
  health.probe(0);
  assertEquals([health.isAvailable(0), health.isAvailable(4_999), health.isAvailable(5_000)], [
    false,
    false,
    true,
  ]);
  health.probe(6_000);
  health.endProbe();
  assertEquals(health.isAvailable(6_000), true);
});

Deno.test("BackendHealth: one failed check is enough, and a check that succeeds ends the cooldown", () => {
  const health = new BackendHealth();
  assertEquals([health.checkSucceeded(), health.checkFailed({ now: 0, forMs: 40_000 })], [false, true]);
  assertEquals([health.isAvailable(39_999), health.checkFailed({ now: 30_000, forMs: 40_000 })], [
    false,
    false,
  ]);
  assertEquals(health.isAvailable(69_999), false);
  assertEquals([health.checkSucceeded(), health.isAvailable(30_000), health.failures], [true, true, 0]);
});

Deno.test("BackendHealth: a check that succeeds ends a cooldown after failures to connect, but not after other failures", () => {
  const unreachable = new BackendHealth();
  unreachable.failed(3, { ...ALL, isCertain: true, now: 0 });
  assertEquals([unreachable.checkSucceeded(), unreachable.isAvailable(0)], [true, true]);
  const broken = new BackendHealth();
  broken.failed(3, { ...OWN, now: 0 });
  assertEquals([broken.checkSucceeded(), broken.isAvailable(0)], [false, false]);
});
