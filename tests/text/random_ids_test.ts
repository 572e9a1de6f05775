import { assert, assertEquals, assertMatch } from "@std/assert";
import { randomIds } from "../../src/text/random_ids.ts";

Deno.test("randomIds gives ids of 24 hexadecimal digits, each once, whose order is that of time", () => {
  let now = Date.UTC(2026, 10, 29);
  const next = randomIds(() => now++);
  const ids = Array.from({ length: 1_000 }, next);
  for (const id of ids) assertMatch(id, /^req_[0-9a-f]{24}$/);
  assertEquals(new Set(ids).size, ids.length);
  assertEquals(ids.toSorted(), ids);
});

Deno.test("randomIds of two processes give different ids at the same time", () => {
  const [one, other] = [randomIds(() => 1), randomIds(() => 1)];
  const ids = new Set(Array.from({ length: 100 }, () => [one(), other()]).flat());
  assertEquals(ids.size, 200);
  assert([...ids].every((id) => id.startsWith("req_000000000001")));
});

Deno.test("randomIds: an id does not tell how many others were made before it", () => {
  for (const perId of [1, 0]) {
    let now = 0;
    const next = randomIds(() => now += perId);
    const ids = Array.from({ length: 256 }, () => Number.parseInt(next().slice("req_".length + 12), 16));
    const steps = ids.slice(1).map((id, index) => id - (ids[index] ?? 0));
    assertEquals(new Set(steps).size, steps.length, "each step is another one");
    const counted = ids.slice(1).filter((id, index) =>
      Math.floor(id / 2 ** 40) - Math.floor((ids[index] ?? 0) / 2 ** 40) === 1
    );
    assert(counted.length < 30, `${counted.length} ids count the one before`);
  }
});

Deno.test("randomIds: the ids follow each other also when the clock stands still or is set back", () => {
  let now = 5;
  const next = randomIds(() => now);
  const ids = Array.from({ length: 200_000 }, (_, index) => {
    if (index === 100_000) now = 1;
    return next();
  });
  assertEquals(ids.toSorted(), ids);
  assertEquals(new Set(ids).size, ids.length);
});
