import { assertEquals } from "@std/assert";
import { SendingRoom } from "../../src/server/http2/sending_room.ts";
import { nextTurn } from "../../src/streams/turn.ts";

/** The window of a connection at its beginning. */
const FIRST_WINDOW = 65_535;

Deno.test("SendingRoom: a stream that waits again while it waits is woken once, and keeps its place", async () => {
  const room = new SendingRoom({ isFull: false });
  room.take(FIRST_WINDOW);
  const woken: string[] = [];
  const [one, other, left] = ["one", "other", "left"].map((name) => () => void woken.push(name));
  for (let count = 0; count < 1_000; count++) {
    for (const stream of [one, left, other]) room.wait(stream ?? (() => {}), { isForHead: false });
  }
  assertEquals(room.waiting, 3);
  room.leave(left ?? (() => {}));
  room.open(1);
  await nextTurn();
  assertEquals([woken, room.waiting], [["one", "other"], 0]);
});

Deno.test("SendingRoom: a head needs no window, and DATA does", async () => {
  const output = { isFull: true };
  const room = new SendingRoom(output);
  room.take(FIRST_WINDOW);
  const woken: string[] = [];
  room.wait(() => void woken.push("data"), { isForHead: false });
  room.wait(() => void woken.push("head"), { isForHead: true });
  assertEquals(woken, []);
  output.isFull = false;
  room.wake();
  await nextTurn();
  assertEquals(woken, ["head"]);
  room.open(1);
  await nextTurn();
  assertEquals(woken, ["head", "data"]);
});

Deno.test("SendingRoom: streams that always wait again do not keep other work waiting", async () => {
  const room = new SendingRoom({ isFull: false });
  let wakes = 0;
  let isOver = false;
  const stream = (): void => {
    if (++wakes < 1_000_000 && !isOver) room.wait(stream, { isForHead: false });
  };
  room.wait(stream, { isForHead: false });
  await nextTurn();
  isOver = true;
  assertEquals(wakes < 1_000_000, true, `${wakes} wakes came first`);
});

Deno.test("SendingRoom: streams that wait get the window in turns", async () => {
  const room = new SendingRoom({ isFull: false });
  room.take(FIRST_WINDOW);
  const order: number[] = [];
  const wait = (stream: number, left: number): void =>
    room.wait(() => {
      const count = Math.min(room.bytes, 10);
      room.take(count);
      order.push(stream);
      if (left > count) wait(stream, left - count);
    }, { isForHead: false });
  wait(1, 30);
  wait(2, 20);
  wait(3, 10);
  assertEquals([room.bytes, order], [0, []]);
  assertEquals(room.open(50), true);
  await nextTurn();
  assertEquals(order, [1, 2, 3, 1, 2]);
  room.open(10);
  assertEquals(order, [1, 2, 3, 1, 2, 1]);
  assertEquals(room.open(0x7fff_ffff), true);
  assertEquals(room.open(1), false);
});
