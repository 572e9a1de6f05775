import { assertEquals } from "@std/assert";
import { limitNotice, MAX_ITEMS } from "../../../src/management/page/list_limit.ts";

Deno.test("limitNotice: a list as long as the page reads says that more items may exist", () => {
  assertEquals(limitNotice(new Array(MAX_ITEMS - 1), "tokens"), undefined);
  assertEquals(
    limitNotice(new Array(MAX_ITEMS), "tokens"),
    "This page shows the first 10,000 tokens only, and its search finds no others.",
  );
});
