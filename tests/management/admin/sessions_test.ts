import { assertEquals } from "@std/assert";
import { Sessions } from "../../../src/management/admin/sessions.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

const UNUSED = { used: false };

Deno.test("Sessions: a hundred are kept, then a new one ends the one with the longest inactivity", () => {
  const sessions = new Sessions(new FakeClock(), () => 60_000);
  const ids = Array.from({ length: 100 }, () => sessions.begin());
  const [first = "", second = ""] = ids;
  assertEquals(sessions.isValid(first, { used: true }), true);
  sessions.begin();
  assertEquals([sessions.isValid(first, UNUSED), sessions.isValid(second, UNUSED)], [true, false]);
});

Deno.test("Sessions: a session ends after its idle time, and at the sign-out", () => {
  const clock = new FakeClock();
  const sessions = new Sessions(clock, () => 60_000);
  const id = sessions.begin();
  clock.pass(59_999);
  assertEquals(sessions.isValid(id, { used: true }), true);
  clock.pass(59_999);
  assertEquals(sessions.isValid(id, UNUSED), true, "to look is not to use");
  clock.pass(1);
  assertEquals(sessions.isValid(id, UNUSED), false);
  const other = sessions.begin();
  assertEquals([sessions.end(other), sessions.isValid(other, UNUSED), sessions.end(other)], [
    true,
    false,
    false,
  ]);
});
