import { assertEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { FrameTurns } from "../../src/server/http2/frame_turns.ts";

Deno.test("FrameTurns: what a second allows goes on at once, and more waits", async () => {
  let now = 0;
  const turns = new FrameTurns({ perSecond: 1_000, now: () => now });
  const one = {};
  assertEquals(turns.take(one, 1_020), undefined);
  const waiting = turns.take(one, 10);
  assertEquals(waiting instanceof Promise, true);
  now = 21;
  await within(waiting ?? Promise.reject(new Error("it did not wait")), "a turn");
  now = 5_000;
  assertEquals(turns.take(one, 1_000), undefined, "a second's allowance is saved, and no more");
  assertEquals(turns.take(one, 1) instanceof Promise, true);
  turns.leave(one);
});

Deno.test("FrameTurns: who has used the least goes first", async () => {
  let now = 0;
  const turns = new FrameTurns({ perSecond: 1_000, now: () => now });
  const [flood, fresh] = [{}, {}];
  turns.take(flood, 1_000);
  const order: string[] = [];
  const waits = Array.from({ length: 5 }, () => turns.take(flood, 1_000)?.then(() => order.push("flood")));
  const first = turns.take(fresh, 20)?.then(() => order.push("fresh"));
  now = 2;
  await within(first ?? Promise.reject(new Error("it did not wait")), "a turn");
  assertEquals(order, ["fresh"]);
  turns.leave(flood);
  await Promise.all(waits);
  assertEquals(order.length, 6, "a connection that ends waits for nothing");
});
