import { assertEquals } from "@std/assert";
import { EventStreamScanner } from "../../src/payload/event_stream_scanner.ts";
import { JsonScanner } from "../../src/payload/json_scanner.ts";
import { compileSelection } from "../../src/payload/json_selection.ts";

const SELECTED = compileSelection({
  usage: true,
  incomplete_details: { reason: true },
  max_completion_tokens: true,
});
const MARK = "\ufeff";

/** The bytes of a text in pieces of so many. */
function pieces(text: string, size: number): Uint8Array[] {
  const bytes = new TextEncoder().encode(text);
  return Array.from(
    { length: Math.ceil(bytes.length / size) },
    (_, index) => bytes.slice(index * size, (index + 1) * size),
  );
}

function foundIn(text: string, size: number, isStream = false): unknown[] {
  const found: unknown[] = [];
  const json = new JsonScanner(SELECTED, (path, value) => found.push([path, value]));
  const scanner = isStream ? new EventStreamScanner(json) : json;
  for (const piece of pieces(text, size)) scanner.write(piece);
  return found;
}

const escaped = (key: string) =>
  [...key].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join("");

Deno.test("JsonScanner: a key that is written with escapes is the same key, in pieces of any size", () => {
  const text = `{"us\\u0061ge":1,"${escaped("incomplete_details")}":{"re\\u0061son":"x"},` +
    `"${escaped("max_completion_tokens")}":2}`;
  for (const size of [1, 2, 7, 1_000]) {
    assertEquals(
      foundIn(text, size),
      [["usage", 1], ["incomplete_details.reason", "x"], ["max_completion_tokens", 2]],
      `pieces of ${size}`,
    );
  }
});

Deno.test("JsonScanner: keys that only look like it are others, and broken escapes find nothing", () => {
  for (
    const key of [
      "us\\\\u0061ge",
      "usage\\u0000",
      "usage\\",
      "us\\x61ge",
      "us\\u006",
      `${"x".repeat(500)}\\n`,
    ]
  ) {
    for (const size of [1, 1_000]) assertEquals(foundIn(`{"${key}":1,"a":2}`, size), [], key);
  }
});

Deno.test("EventStreamScanner: a byte order mark begins the stream and not its first line", () => {
  const event = 'data: {"usage":1}\n\n';
  for (const size of [1, 2, 3, 1_000]) {
    assertEquals(foundIn(`${MARK}${event}`, size, true), [["usage", 1]], `pieces of ${size}`);
    assertEquals(foundIn(`${MARK}\n${event}`, size, true), [["usage", 1]], "behind an empty line");
    assertEquals(foundIn(`${MARK}${MARK}${event}`, size, true), [], "a second one is a part of the line");
    assertEquals(foundIn(`\n${MARK}${event}`, size, true), [], "elsewhere too");
  }
});
