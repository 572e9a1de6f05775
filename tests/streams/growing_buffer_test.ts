import { assertEquals } from "@std/assert";
import { GrowingBuffer } from "../../src/streams/growing_buffer.ts";

Deno.test("GrowingBuffer: after drop it holds no memory of the bytes before", () => {
  const buffer = new GrowingBuffer();
  buffer.append(Uint8Array.of(1, 2, 3));
  const before = buffer.bytes;
  buffer.drop();
  assertEquals(buffer.length, 0);
  buffer.append(Uint8Array.of(4, 5, 6));
  assertEquals(buffer.bytes, Uint8Array.of(4, 5, 6));
  assertEquals(before, Uint8Array.of(1, 2, 3));
});
