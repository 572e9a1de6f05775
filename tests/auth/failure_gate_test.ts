import { assert, assertEquals } from "@std/assert";
import { FailureGate } from "../../src/auth/failure_gate.ts";
import { FakeClock } from "../support/time/fake_clock.ts";

const ADDRESS = "192.0.2.1";
const HOUR_MS = 3_600_000;

function fail(gate: FailureGate, count: number, from = 0): void {
  for (let index = 0; index < count; index++) gate.recordGuess(ADDRESS, `guess ${from + index}`);
}

Deno.test("FailureGate: five wrong tokens are free, then each one doubles the wait, up to 15 minutes", () => {
  const clock = new FakeClock();
  const gate = new FailureGate(clock);
  fail(gate, 4);
  assertEquals(gate.waitMs(ADDRESS), 0);
  const waits: number[] = [];
  for (let round = 0; round < 9; round++) {
    fail(gate, 1, 4 + round);
    waits.push(gate.waitMs(ADDRESS) / 1000);
    clock.pass(gate.waitMs(ADDRESS));
    assertEquals(gate.waitMs(ADDRESS), 0);
  }
  assertEquals(waits, [15, 30, 60, 120, 240, 480, 900, 900, 900]);
  assertEquals(gate.waitMs("192.0.2.2"), 0, "others go on");
});

Deno.test("FailureGate: a client that repeats one old token never waits", () => {
  const gate = new FailureGate(new FakeClock());
  for (let round = 0; round < 1_000; round++) gate.recordGuess(ADDRESS, "the old one");
  assertEquals(gate.waitMs(ADDRESS), 0);
});

Deno.test("FailureGate: repeated guesses count once, however many there are", () => {
  const gate = new FailureGate(new FakeClock());
  for (let round = 0; round < 3; round++) fail(gate, 4);
  assertEquals(gate.waitMs(ADDRESS), 0);
  fail(gate, 1, 4);
  assert(gate.waitMs(ADDRESS) > 0);
});

Deno.test("FailureGate: after an hour without a wrong token the count of an address starts again", () => {
  const clock = new FakeClock();
  const gate = new FailureGate(clock);
  fail(gate, 12);
  clock.pass(HOUR_MS + 1);
  fail(gate, 4, 20);
  assertEquals(gate.waitMs(ADDRESS), 0);
});

Deno.test("FailureGate: an IPv6 network counts as one address, and a flood of other addresses does not free it at once", () => {
  const gate = new FailureGate(new FakeClock());
  for (let index = 0; index < 5; index++) gate.recordGuess(`2001:db8:1:2::${index}`, `guess ${index}`);
  assert(gate.waitMs("2001:db8:1:2:ffff::9") > 0);
  for (let index = 0; index < 9_000; index++) gate.recordGuess(`10.0.${index >> 8}.${index & 255}`, "x");
  assert(gate.waitMs("2001:db8:1:2::1") > 0);
});

Deno.test("FailureGate: memory is limited, for each address and for all addresses", () => {
  const clock = new FakeClock();
  const gate = new FailureGate(clock);
  fail(gate, 12);
  clock.pass(gate.waitMs(ADDRESS));
  fail(gate, 1);
  assertEquals(gate.waitMs(ADDRESS), 0, "the first guess is known");
  fail(gate, 1, 11);
  assert(gate.waitMs(ADDRESS) > 0, "the twelfth was not kept, and counts once more");
  for (let index = 0; index < 10_000; index++) gate.recordGuess(`10.0.${index >> 8}.${index & 255}`, "x");
  assertEquals(gate.waitMs(ADDRESS), 0, "ten thousand others came later");
});

Deno.test("FailureGate: each wait is reported once", () => {
  const clock = new FakeClock();
  const gate = new FailureGate(clock);
  const isNew = () => gate.isNewWait("192.0.2.1");
  assertEquals(isNew(), false, "nothing has happened");
  for (let round = 0; round < 5; round++) gate.recordGuess("192.0.2.1", String(round));
  assertEquals([isNew(), isNew(), gate.isNewWait("192.0.2.2")], [true, false, false]);
  clock.pass(gate.waitMs("192.0.2.1"));
  assertEquals(isNew(), false, "it is over");
  gate.recordGuess("192.0.2.1", "another");
  assertEquals([isNew(), isNew()], [true, false]);
});
