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
  room.ended(100);
  assertEquals(await begun(), [17, 0]);
});

Deno.test("StrangerRoom: answers that the client does not take keep further ones from being made", async () => {
  const room = new StrangerRoom();
  const begun = asking(room, 40);
  for (let index = 0; index < 3; index++) room.ended(100_000);
  assertEquals(await begun(), [18, 0], "the third one was too much");
  room.ended(100_000);
  assertEquals(await begun(), [18, 0]);
  room.writing(200_000);
  assertEquals([await begun(), room.untakenBytes], [[18, 0], 400_000], "it is only being written");
  room.writing(200_000);
  assertEquals([await begun(), room.untakenBytes], [[20, 0], 200_000]);
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
});

Deno.test("StrangerRoom: who gives up while waiting takes no place, whether or not it was let in by then", async () => {
  const room = new StrangerRoom();
  asking(room, 16);
  const waiting = Array.from({ length: 16 }, () => room.enter());
  for (const one of waiting.slice(0, 8)) one?.leave();
  for (let index = 0; index < 8; index++) room.ended(0);
  // Those that wait were let in, and leave before they notice.
  for (const one of waiting.slice(8)) one?.leave();
  for (let index = 0; index < 8; index++) room.ended(0);
  assertEquals(await asking(room, 20)(), [16, 0]);
});
