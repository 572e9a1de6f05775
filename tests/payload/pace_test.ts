import { assertEquals, assertInstanceOf } from "@std/assert";
import { createPause } from "../../src/payload/pace.ts";
import { readForm } from "../../src/payload/multipart.ts";

Deno.test("pace: others go first once work has lasted for long, and then the time begins again", async () => {
  let time = 0;
  const pause = createPause(() => time);
  time = 5;
  assertEquals(pause(), undefined);
  time = 10;
  let others = false;
  setTimeout(() => others = true);
  const paused = pause();
  assertInstanceOf(paused, Promise);
  await paused;
  assertEquals(others, true);
  assertEquals(pause(), undefined);
});

Deno.test("pace: a form may pause between its parts, and within a long one", async () => {
  const head = 'content-disposition: form-data; name="a"';
  const parts = ["x", "x", "x".repeat(40_000)].map((text) => `--b\r\n${head}\r\n\r\n${text}\r\n`);
  let pauses = 0;
  const pause = () => {
    pauses++;
    return undefined;
  };
  await readForm(new TextEncoder().encode(`${parts.join("")}--b--\r\n`), { boundary: "b", pause });
  assertEquals(pauses, 3 + 2);
});
