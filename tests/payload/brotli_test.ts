import zlib from "node:zlib";
import { assertEquals } from "@std/assert";
import { createBrotli, readsBrotli } from "../../src/payload/brotli.ts";

async function breakOne(side: "clients" | "upstreams"): Promise<void> {
  const stream = createBrotli(zlib, side);
  const failed = new Promise((resolve) => stream.once("error", resolve));
  stream.end(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  await failed;
}

Deno.test("readsBrotli: broken bodies of upstreams end the reading of their answers, and of nothing else", async () => {
  assertEquals([readsBrotli("clients"), readsBrotli("upstreams")], [true, true]);
  for (let count = 0; count < 1_000; count++) await breakOne("upstreams");
  assertEquals([readsBrotli("clients"), readsBrotli("upstreams")], [true, false]);
});
