import { assertEquals } from "@std/assert";
import { within } from "../support/time/deadline.ts";
import { FrameRateLimit } from "../../src/server/http2/frame_rate_limit.ts";

Deno.test("FrameRateLimit: the cost of one second goes on at once, and more waits", async () => {
  let now = 0;
  const limit = new FrameRateLimit({ perSecond: 1_000, now: () => now });
  const one = {};
  assertEquals(limit.acquire(one, 1_020), undefined);
  const waiting = limit.acquire(one, 10);
  assertEquals(waiting instanceof Promise, true);
  now = 21;
  await within(waiting ?? Promise.reject(new Error("it did not wait")), "a turn");
  now = 5_000;
  assertEquals(limit.acquire(one, 1_000), undefined, "the cost of one second is saved, and no more");
  assertEquals(limit.acquire(one, 1) instanceof Promise, true);
  limit.release(one);
});

Deno.test("FrameRateLimit: the connection with the lowest cost goes first", async () => {
  let now = 0;
  const limit = new FrameRateLimit({ perSecond: 1_000, now: () => now });
  const [flood, fresh] = [{}, {}];
  limit.acquire(flood, 1_000);
  const order: string[] = [];
  const waits = Array.from({ length: 5 }, () => limit.acquire(flood, 1_000)?.then(() => order.push("flood")));
  const first = limit.acquire(fresh, 20)?.then(() => order.push("fresh"));
  now = 2;
  await within(first ?? Promise.reject(new Error("it did not wait")), "a turn");
  assertEquals(order, ["fresh"]);
  limit.release(flood);
  await Promise.all(waits);
  assertEquals(order.length, 6, "release ends all waits of a connection");
});

Deno.test("FrameRateLimit: among new connections, those with few frames go first", async () => {
  let now = 0;
  const limit = new FrameRateLimit({ perSecond: 1_000, now: () => now });
  limit.acquire({}, 1_000);
  const order: string[] = [];
  const floods = Array.from({ length: 3 }, () => {
    const flood = {};
    void limit.acquire(flood, 1_000)?.then(() => order.push("flood"));
    return flood;
  });
  const first = limit.acquire({}, 20)?.then(() => order.push("request"));
  now = 2;
  await within(first ?? Promise.reject(new Error("it did not wait")), "a turn");
  assertEquals(order, ["request"]);
  for (const flood of floods) limit.release(flood);
});
