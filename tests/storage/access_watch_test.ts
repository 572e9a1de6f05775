import { assertEquals } from "@std/assert";
import { AccessState } from "../../src/storage/postgres/access_watch.ts";

/** A program that has read all changes up to a position, and was notified of them. */
function following(position: number): AccessState {
  const state = new AccessState();
  state.isAt(position - 1);
  state.heardOf(position);
  state.wasRead(position, { all: true });
  assertEquals(state.hasMoved(position), false);
  return state;
}

Deno.test("AccessState: a notification that comes after its change was read changes nothing", () => {
  const state = following(50);
  state.wasRead(52, { all: false });
  state.heardOf(51);
  assertEquals(state.hasMoved(52), false);
  state.heardOf(52);
  assertEquals(state.hasMoved(52), false);
});

Deno.test("AccessState: everything is read if a notification shows that the database was restored", () => {
  const state = following(50);
  // The changes up to 30 are those of the backup.
  state.heardOf(31);
  assertEquals([state.hasMoved(50), state.needsAll], [true, true]);
  state.wasRead(31, { all: true });
  assertEquals([state.hasMoved(31), state.needsAll], [false, false]);
});

Deno.test("AccessState: everything is read if a check shows that the database was restored", () => {
  const state = following(50);
  state.isAt(30);
  assertEquals([state.hasMoved(50), state.needsAll], [true, true]);
  state.wasRead(30, { all: true });
  assertEquals([state.hasMoved(30), state.needsAll], [false, false]);
});
