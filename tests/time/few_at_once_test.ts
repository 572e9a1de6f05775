import { assertEquals, assertRejects } from "@std/assert";
import { fewAtOnce } from "../../src/time/few_at_once.ts";

Deno.test("fewAtOnce: a waiting piece of work starts when one has ended or failed, in the order of arrival", async () => {
  const inTurn = fewAtOnce(1);
  const begun: number[] = [];
  const ends = [1, 2, 3].map(() => Promise.withResolvers<void>());
  const works = ends.map(({ promise }, index) =>
    inTurn(async () => {
      begun.push(index);
      await promise;
      return index;
    })
  );
  await Promise.resolve();
  assertEquals(begun, [0]);
  const failed = assertRejects(() => works[0] ?? Promise.resolve(0), Error, "broken");
  ends[0]?.reject(new Error("broken"));
  await failed;
  assertEquals(begun, [0, 1]);
  ends[1]?.resolve();
  ends[2]?.resolve();
  assertEquals(await Promise.all(works.slice(1)), [1, 2]);
  assertEquals(await inTurn(() => Promise.resolve(4)), 4, "its place is free");
});
