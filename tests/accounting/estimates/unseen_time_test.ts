import { assertEquals } from "@std/assert";
import { UnseenTime } from "../../../src/accounting/estimates/unseen_time.ts";

Deno.test("UnseenTime: all before the first text, however short, and later pauses of more than a second", () => {
  const unseen = new UnseenTime(100);
  assertEquals(unseen.sum(1_000), 900);
  unseen.seen(4, 1_000);
  assertEquals(unseen.sum(1_900), 900, "a pause that is short so far");
  unseen.seen(8, 1_900);
  unseen.seen(12, 4_000);
  assertEquals(unseen.sum(4_500), 900 + 2_100);
  assertEquals(unseen.sum(6_000), 900 + 2_100 + 2_000, "the pause at the end");
});
