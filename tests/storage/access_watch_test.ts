import { assertEquals } from "@std/assert";
import { AccessState, positionOf } from "../../src/storage/postgres/access_watch.ts";

/** A program that has read all changes up to a position, and was notified of them. */
function following(position: number): AccessState {
  const state = new AccessState();
  state.isAt(position - 1);
  state.heardOf(position);
  state.wasRead(position);
  assertEquals(state.hasMoved(position), false);
  return state;
}

Deno.test("AccessState: a notification that comes after its change was read changes nothing", () => {
  const state = following(50);
  state.wasRead(52);
  state.heardOf(51);
  assertEquals(state.hasMoved(52), false);
  state.heardOf(52);
  assertEquals(state.hasMoved(52), false);
});

Deno.test("AccessState: everything is read if a notification shows that the database was restored", () => {
  const state = following(50);
  // The changes up to 30 are those of the backup.
  state.heardOf(31);
  assertEquals([state.hasMoved(50), state.run], [true, 1]);
  state.wasRead(50);
  const position = positionOf(1, 31);
  state.wasRead(position);
  assertEquals([state.hasMoved(31), state.hasMoved(position), state.run], [true, false, 1]);
  state.isAt(31);
  assertEquals([state.hasMoved(position), state.run], [false, 1]);
});

Deno.test("AccessState: everything is read if a check shows that the database was restored", () => {
  const state = following(50);
  state.isAt(30);
  assertEquals([state.hasMoved(50), state.run], [true, 1]);
  const position = positionOf(1, 30);
  state.wasRead(position);
  assertEquals([state.hasMoved(30), state.hasMoved(position), state.run], [true, false, 1]);
});
