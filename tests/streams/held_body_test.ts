import { assertEquals, assertThrows } from "@std/assert";
import { type BodyMemory, HeldBody } from "../../src/streams/held_body.ts";

const encode = (text: string) => new TextEncoder().encode(text);

function memory(): BodyMemory & { readonly isReleased: () => boolean } {
  let drop = () => {};
  let isReleased = false;
  return {
    tryHold: () => true,
    droppedBy: (how) => drop = how,
    release() {
      isReleased = true;
      drop();
    },
    isReleased: () => isReleased,
  };
}

Deno.test("HeldBody: it drops the bytes after their last reader has sent them", () => {
  const held = memory();
  const body = new HeldBody(encode("text"), held);
  const reader = body.body();
  body.finish();
  assertEquals(new TextDecoder().decode(reader.tryRead() ?? undefined), "text");
  // The writer may still send the last piece.
  assertEquals([held.isReleased(), body.bytes.length], [false, 4]);
  assertEquals([reader.tryRead(), held.isReleased()], [null, true]);
  assertThrows(() => body.bytes, Error, "no longer");
  assertEquals(reader.tryRead(), null);
});

Deno.test("HeldBody: the bytes stay until no further attempt can follow", () => {
  const held = memory();
  const body = new HeldBody(encode("text"), held);
  const [first, second] = [body.body(), body.body()];
  assertThrows(() => first.tryRead(), Error, "another attempt");
  assertEquals([second.tryRead()?.length, second.tryRead()], [4, null]);
  assertEquals(held.isReleased(), false);
  body.finish();
  assertEquals(held.isReleased(), true);
});

Deno.test("HeldBody: after the memory was released, a reader throws", () => {
  const held = memory();
  const body = new HeldBody(encode("text"), held);
  const reader = body.body([{ start: 1, end: 2, bytes: encode("E") }]);
  assertEquals(reader.tryRead()?.length, 1);
  held.release();
  assertThrows(() => reader.tryRead(), Error, "no longer");
});

Deno.test("HeldBody: changes at its start, at its end, next to each other, and of an empty range", () => {
  const changed = (...changes: readonly (readonly [number, number, string])[]) => {
    const body = new HeldBody(encode("0123"), memory()).body(
      changes.map(([start, end, text]) => ({ start, end, bytes: encode(text) })),
    );
    let text = "";
    for (let piece = body.tryRead(); piece instanceof Uint8Array; piece = body.tryRead()) {
      text += new TextDecoder().decode(piece);
    }
    assertEquals(body.length, text.length);
    return text;
  };
  assertEquals(changed(), "0123");
  assertEquals(changed([0, 1, "abc"], [3, 4, ""]), "abc12");
  assertEquals(changed([1, 2, "a"], [2, 3, "b"]), "0ab3");
  assertEquals(changed([0, 4, ""]), "");
  assertEquals(changed([4, 4, "z"]), "0123z");
});
