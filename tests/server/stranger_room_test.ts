import { assertEquals } from "@std/assert";
import { StrangerRoom } from "../../src/server/http2/stranger_room.ts";

/** Asks for room for so many requests; gives how many may begin, now and later. */
function asking(room: StrangerRoom, count: number) {
  const outcomes: boolean[] = [];
  for (let index = 0; index < count; index++) {
    const waiting = room.enter();
    if (waiting === undefined) outcomes.push(true);
    else void waiting.isLetIn.then((isLetIn) => outcomes.push(isLetIn));
  }
  return async () => {
    await Promise.resolve();
    return [outcomes.filter((one) => one).length, outcomes.filter((one) => !one).length];
  };
}

Deno.test("StrangerRoom: sixteen requests at a time, and the next one when one has been answered", async () => {
  const room = new StrangerRoom();
  const begun = asking(room, 40);
  assertEquals(await begun(), [16, 0]);
  room.ended();
  assertEquals(await begun(), [17, 0]);
});

Deno.test("StrangerRoom: a client without a token that takes nothing owes too much, one that takes a little less at a time does not", () => {
  const idle = new StrangerRoom();
  for (let index = 0; index < 6; index++) idle.given(100_000);
  assertEquals(idle.owesTooMuch, true);
  const taking = new StrangerRoom();
  for (let index = 0; index < 100; index++) {
    taking.given(100_000);
    taking.writing(100_300);
  }
  assertEquals(taking.owesTooMuch, false);
  const known = new StrangerRoom();
  known.open();
  for (let index = 0; index < 100; index++) known.given(100_000);
  assertEquals(known.owesTooMuch, false);
});

Deno.test("StrangerRoom: who has shown a token does not wait, and nothing begins behind the end", async () => {
  const known = new StrangerRoom();
  const begun = asking(known, 200);
  known.open();
  assertEquals(await begun(), [200, 0]);
  const gone = new StrangerRoom();
  const left = asking(gone, 20);
  gone.close();
  assertEquals(await left(), [16, 4]);
  assertEquals(await asking(gone, 3)(), [0, 3]);
});

Deno.test("StrangerRoom: who gives up while waiting takes no place, whether or not it was let in by then", async () => {
  const room = new StrangerRoom();
  asking(room, 16);
  const waiting = Array.from({ length: 16 }, () => room.enter());
  for (const one of waiting.slice(0, 8)) one?.leave();
  for (let index = 0; index < 8; index++) room.ended();
  // Those that wait were let in, and leave before they notice.
  for (const one of waiting.slice(8)) one?.leave();
  for (let index = 0; index < 8; index++) room.ended();
  assertEquals(await asking(room, 20)(), [16, 0]);
});
