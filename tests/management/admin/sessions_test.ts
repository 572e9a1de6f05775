import { assertEquals } from "@std/assert";
import { Sessions } from "../../../src/management/admin/sessions.ts";
import { FakeClock } from "../../support/fake_clock.ts";

const UNUSED = { used: false };

Deno.test("Sessions: a hundred are kept, and the one that was idle the longest ends for another", () => {
  const sessions = new Sessions(new FakeClock(), () => 60_000);
  const ids = Array.from({ length: 100 }, () => sessions.begin());
  const [first = "", second = ""] = ids;
  assertEquals(sessions.lasts(first, { used: true }), true);
  sessions.begin();
  assertEquals([sessions.lasts(first, UNUSED), sessions.lasts(second, UNUSED)], [true, false]);
});

Deno.test("Sessions: one ends when nobody has used it for its time, and when it is ended", () => {
  const clock = new FakeClock();
  const sessions = new Sessions(clock, () => 60_000);
  const id = sessions.begin();
  clock.pass(59_999);
  assertEquals(sessions.lasts(id, { used: true }), true);
  clock.pass(59_999);
  assertEquals(sessions.lasts(id, UNUSED), true, "to look is not to use");
  clock.pass(1);
  assertEquals(sessions.lasts(id, UNUSED), false);
  const other = sessions.begin();
  assertEquals([sessions.end(other), sessions.lasts(other, UNUSED), sessions.end(other)], [
    true,
    false,
    false,
  ]);
});
