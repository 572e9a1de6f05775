import { assertEquals } from "@std/assert";
import { ThreadObjects } from "../../../src/management/threads/thread_objects.ts";
import { FakeClock } from "../../support/time/fake_clock.ts";

Deno.test("ThreadObjects: a creator without room creates no further object for a while", () => {
  const clock = new FakeClock();
  const objects = new ThreadObjects({ send() {}, flush() {} }, clock);
  const [anna, ben] = [{ tokenId: "tok_1", principal: "anna" }, { tokenId: "tok_2", principal: "ben" }];
  objects.noRoom(anna);
  assertEquals([objects.hasRoom(anna), objects.hasRoom(ben)], [false, true]);
  clock.pass(10_000);
  assertEquals(objects.hasRoom(anna), true);
});
