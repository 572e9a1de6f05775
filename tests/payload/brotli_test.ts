import zlib from "node:zlib";
import { assertEquals } from "@std/assert";
import { type BodySource, createBrotli, readsBrotli } from "../../src/payload/brotli.ts";
import { turns } from "../support/time/turns.ts";

async function breakOne(source: BodySource): Promise<void> {
  const stream = createBrotli(zlib, source);
  const failed = new Promise((resolve) => stream.once("error", resolve));
  stream.end(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  await failed;
}

/** How many bodies a source breaks before none of it is read any more. */
async function mostBroken(source: BodySource): Promise<number> {
  let count = 0;
  for (count of turns(1_000, "the reading of the source's bodies")) {
    if (!readsBrotli(source)) break;
    await breakOne(source);
  }
  return count;
}

Deno.test("readsBrotli: broken bodies of one source end the reading of its bodies, and of nobody else's", async () => {
  const mallory = { side: "client", name: "mallory" } as const;
  const anna = { side: "client", name: "anna" } as const;
  const backend = { side: "upstream", name: "mallory" } as const;
  assertEquals(await mostBroken(mallory), 500);
  assertEquals([mallory, anna, backend].map(readsBrotli), [false, true, true]);
  assertEquals(await mostBroken({ side: "client", name: "ben" }), 250);
  assertEquals(readsBrotli(anna), true);
});
