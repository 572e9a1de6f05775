import { assertEquals } from "@std/assert";
import { rememberedByKey } from "../../src/payload/remembered_by_key.ts";

Deno.test("rememberedByKey: a result is worked out once for a short key, and each time for a long one", () => {
  const asked: string[] = [];
  const lengthOf = rememberedByKey((key) => {
    asked.push(key);
    return key === "" ? undefined : key.length;
  });
  const long = "x".repeat(41);
  for (const key of ["model", "", long, "model", long]) {
    assertEquals(lengthOf(key), key === "" ? undefined : key.length);
  }
  assertEquals(asked, ["model", "", long, long]);
});

Deno.test("rememberedByKey: many keys do not fill the memory, and have their results", () => {
  let count = 0;
  const numberOf = rememberedByKey((key) => {
    count++;
    return Number(key);
  });
  for (let round = 0; round < 2; round++) {
    for (let key = 0; key < 5_000; key++) assertEquals(numberOf(String(key)), key);
  }
  assertEquals(count, 10_000, "the first keys were forgotten");
});
