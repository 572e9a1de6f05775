import { assert, assertEquals } from "@std/assert";
import { freeName } from "../../../src/management/api/free_name.ts";

async function found(used: readonly string[], latest?: string): Promise<{ name: string; asked: number }> {
  const names = new Set(used);
  let asked = 0;
  const name = await freeName("home", {
    latest,
    isUsed(name) {
      asked++;
      return Promise.resolve(names.has(name));
    },
  });
  assert(!names.has(name), `${name} is used`);
  return { name, asked };
}

Deno.test("freeName: the name, then the lowest number", async () => {
  assertEquals((await found([])).name, "home");
  const used = ["home"];
  for (let number = 2; number < 40; number++) {
    const { name } = await found(used);
    assertEquals(name, `home ${number}`);
    used.push(name);
  }
});

Deno.test("freeName: the number after the latest name, if it is free", async () => {
  const used = ["home", "home 2", "home 3", "home 5", "home 07"];
  for (
    const [latest, name] of [
      ["home", "home 4"],
      ["home 2", "home 4"],
      ["home 3", "home 4"],
      ["home 5", "home 6"],
      ["home 07", "home 4"],
      ["away 5", "home 4"],
      ["home 1e3", "home 4"],
      ["home 99999999999999999999", "home 4"],
    ] as const
  ) assertEquals((await found(used, latest)).name, name, latest);
  assertEquals((await found(["home"], "home")).name, "home 2");
});

Deno.test("freeName: 50,000 used names need few questions, and a gap gives a free name", async () => {
  const used = ["home", ...Array.from({ length: 50_000 }, (_, index) => `home ${index + 2}`)];
  const { name, asked } = await found(used);
  assertEquals(name, "home 50002");
  assert(asked < 40, `${asked} questions`);
  assertEquals(await found(used, "home 50001"), { name: "home 50002", asked: 2 });
  await found(used.filter((_, index) => index % 7 !== 3));
});
