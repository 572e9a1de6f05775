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
