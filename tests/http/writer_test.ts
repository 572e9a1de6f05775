import { assertEquals, assertRejects } from "@std/assert";
import { fieldsOf } from "../support/data/fields.ts";
import { textSource } from "../support/proxies/handler.ts";
import { FramingError } from "../../src/http/framing_error.ts";
import { framed, type OutgoingBody } from "../../src/http/outgoing_body.ts";
import { writeMessage } from "../../src/http/writer.ts";
import type { MessageBody } from "../../src/streams/byte_source.ts";

/** The bytes of a message on the wire, as text. */
async function written(body: OutgoingBody, lines: readonly string[] = []): Promise<string> {
  let text = "";
  const output = {
    write(bytes: Uint8Array) {
      text += new TextDecoder("latin1").decode(bytes);
      return Promise.resolve(bytes.length);
    },
  };
  try {
    await writeMessage(output, { startLine: "POST / HTTP/1.1", fields: fieldsOf(...lines), body });
  } catch (error) {
    throw new FramingError(`${(error as Error).message} after ${JSON.stringify(text)}`); // an Error is thrown
  }
  return text.slice("POST / HTTP/1.1\r\n".length);
}

/** A body that returns these pieces one by one. */
function pieces(texts: readonly string[], length?: number): MessageBody {
  const left = texts.map((text) => new TextEncoder().encode(text));
  return { length, tryRead: () => left.shift() ?? null, readable: () => Promise.resolve(), cancel() {} };
}

Deno.test("writeMessage: the framing fields are derived from the body that is sent", async () => {
  assertEquals(await written(framed(null)), "\r\n");
  assertEquals(await written({ kind: "omitted", length: 7 }), "content-length: 7\r\n\r\n");
  assertEquals(await written(framed(textSource("abc", 3))), "content-length: 3\r\n\r\nabc");
  assertEquals(await written(framed(pieces([], 0))), "content-length: 0\r\n\r\n");
  assertEquals(
    await written(framed(textSource("abc"))),
    "transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  );
  assertEquals(await written({ kind: "until close", source: textSource("abc") }), "\r\nabc");
});

Deno.test("writeMessage: an empty piece is never a chunk, at any position", async () => {
  for (const texts of [[""], ["", ""], ["", "abc"], ["abc", ""], ["", "ab", "", "c", ""]]) {
    const text = await written(framed(pieces(texts)));
    const chunks = texts.filter((one) => one !== "").map((one) => `${one.length}\r\n${one}\r\n`).join("");
    assertEquals(text, `transfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`);
  }
});

Deno.test("writeMessage: a body of another length than announced throws, and no byte beyond the length is sent", async () => {
  for (const texts of [["abcd"], ["abc", "d"], ["ab", "cd"], ["a", "b", "cd"]]) {
    const { message } = await assertRejects(() => written(framed(pieces(texts, 3))), FramingError, "longer");
    const sent = JSON.parse(message.slice(message.indexOf("after ") + "after ".length));
    assertEquals(sent.split("\r\n\r\n")[1]?.includes("d") ?? false, false, sent);
  }
  await assertRejects(() => written(framed(pieces(["ab"], 3))), FramingError, "1 bytes before");
  await assertRejects(() => written(framed(pieces([], 3))), FramingError, "3 bytes before");
});

Deno.test("writeMessage: a framing field among the fields throws before a byte is sent", async () => {
  for (const line of ["Content-Length: 3", "TRANSFER-ENCODING: chunked"]) {
    await assertRejects(() => written(framed(textSource("abc", 3)), [line]), FramingError, 'after ""');
  }
});

Deno.test("writeMessage: does not wait for pieces that arrived while it wrote the head", async () => {
  const arrived: (Uint8Array | null)[] = [];
  let text = "";
  const source: MessageBody = {
    length: 3,
    tryRead: () => arrived.shift(),
    readable: () => Promise.reject(new Error("the bytes are at hand")),
    cancel() {},
  };
  await writeMessage({
    write(bytes) {
      if (text === "") arrived.push(new TextEncoder().encode("abc"), null);
      text += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    },
  }, { startLine: "POST / HTTP/1.1", fields: [], body: framed(source) });
  assertEquals(text, "POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc");
});

Deno.test("writeMessage: an output that takes a few bytes at a time gets all of them, once", async () => {
  for (const length of [5, 1_000, 20_000]) {
    const piece = new Uint8Array(length).fill(0x61);
    const left = [piece.slice(), piece.slice(), piece.slice()];
    const body: MessageBody = {
      length: undefined,
      tryRead: () => left.shift() ?? null,
      readable: () => Promise.resolve(),
      cancel() {},
    };
    let text = "";
    const decoder = new TextDecoder();
    await writeMessage({
      write(bytes) {
        const some = bytes.subarray(0, 700);
        text += decoder.decode(some);
        return Promise.resolve(some.length);
      },
    }, { startLine: "POST / HTTP/1.1", fields: [], body: framed(body) });
    const chunk = `${length.toString(16)}\r\n${"a".repeat(length)}\r\n`;
    assertEquals(text.split("\r\n\r\n").slice(1).join("\r\n\r\n"), `${chunk.repeat(3)}0\r\n\r\n`);
  }
});
