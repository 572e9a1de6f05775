import { assertEquals } from "@std/assert";
import { AnswerRoom } from "../../src/server/http2/answer_room.ts";

/** Asks for room for so many requests; gives how many may begin, now and later. */
function asking(room: AnswerRoom, count: number) {
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

Deno.test("AnswerRoom: sixteen requests at a time, and the next one when one has been answered", async () => {
  const room = new AnswerRoom();
  const begun = asking(room, 40);
  assertEquals(await begun(), [16, 0]);
  room.ended();
  assertEquals(await begun(), [17, 0]);
});

Deno.test("AnswerRoom: a token lets in those that wait, and nothing begins behind the end", async () => {
  const known = new AnswerRoom();
  const begun = asking(known, 200);
  known.open();
  assertEquals(await begun(), [200, 0]);
  // Those that come later wait until there is room again.
  const later = asking(known, 1);
  assertEquals(await later(), [0, 0]);
  for (let count = 0; count < 185; count++) known.ended();
  assertEquals(await later(), [1, 0]);
  const gone = new AnswerRoom();
  const left = asking(gone, 20);
  gone.close();
  assertEquals(await left(), [16, 4]);
  assertEquals(await asking(gone, 3)(), [0, 3]);
});

Deno.test("AnswerRoom: who gives up while waiting takes no place, whether or not it was let in by then", async () => {
  const room = new AnswerRoom();
  asking(room, 16);
  const waiting = Array.from({ length: 16 }, () => room.enter());
  for (const one of waiting.slice(0, 8)) one?.leave();
  for (let index = 0; index < 8; index++) room.ended();
  // Those that wait were let in, and leave before they notice.
  for (const one of waiting.slice(8)) one?.leave();
  for (let index = 0; index < 8; index++) room.ended();
  assertEquals(await asking(room, 20)(), [16, 0]);
});
