import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { JsonReader, JsonSyntaxError } from "../../src/payload/json_reader.ts";
import { cases } from "../support/runner/cases.ts";
import { turns } from "../support/time/turns.ts";

/** Whether the reader takes a text, read in steps of so many bytes. */
function isRead(bytes: Uint8Array, step: number): boolean {
  const reader = new JsonReader<true>(bytes, { root: true, enter: () => true, ended() {} });
  try {
    // Each step reads a byte or more.
    for (const _ of turns(bytes.length + 2, "the reader")) if (reader.step(step)) break;
    return true;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return false;
    throw error;
  }
}

/** Whether the runtime's own reader takes it. */
function isParsed(bytes: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

const ODD = [
  '{"a":1}',
  '{"a":1,}',
  "{,}",
  "[1,]",
  "[,1]",
  "[]",
  "[[]]",
  "[}",
  '{"a"}',
  '{"a":}',
  '{"a" 1}',
  "{1:2}",
  "",
  " ",
  "1",
  "-1",
  "01",
  "-01",
  "1.",
  ".1",
  "1e",
  "1e+",
  "1E-2",
  "+1",
  "0x1",
  "NaN",
  "Infinity",
  "-Infinity",
  "tru",
  "truee",
  "nulll",
  "null ",
  " null",
  "\u00a0null",
  "\ufeff{}",
  '"a',
  '"a\\"',
  '"\\x"',
  '"\\u00g0"',
  '"\\u00e9"',
  '"\\ud800"',
  '"\t"',
  '"\\t"',
  '"\u007f"',
  "'a'",
  '{"a":1}x',
  "{} {}",
  "// c\n1",
  "[1 2]",
  '["a" "b"]',
  '{"a":1 "b":2}',
  "[1,,2]",
  "\u0000",
  '"\u0000"',
  "[true,false,null]",
  '{"":{"":[]}}',
  "1e400",
  "-",
  "--1",
  "1-1",
  '{"a":1}\n',
  "\f1",
];

Deno.test("JsonReader: takes what JSON.parse takes and nothing else, in steps of any size", () => {
  for (const text of ODD) {
    const bytes = new TextEncoder().encode(text);
    for (const step of [1, 2, 3, 1_000]) {
      assertEquals(isRead(bytes, step), isParsed(bytes), `${JSON.stringify(text)} in steps of ${step}`);
    }
  }
  for (
    const bytes of [[0x22, 0xff, 0x22], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22], [
      0x22,
      0xc3,
      0xa9,
      0x22,
    ]]
  ) {
    assertEquals(isRead(Uint8Array.from(bytes), 1), isParsed(Uint8Array.from(bytes)), String(bytes));
  }
});

Deno.test("JsonReader: agrees with JSON.parse on texts with changed bytes", () => {
  fc.assert(
    fc.property(
      fc.json(),
      fc.array(fc.tuple(fc.nat(), fc.constantFrom(...'{}[]",:\\ u0-.eE1tn\u0001\u00e9')), { maxLength: 3 }),
      fc.integer({ min: 1, max: 50 }),
      (json, changes, step) => {
        let text = json;
        for (const [where, letter] of changes) {
          const at = where % (text.length + 1);
          text = text.slice(0, at) + letter + text.slice(at + where % 2);
        }
        const bytes = new TextEncoder().encode(text);
        assertEquals(isRead(bytes, step), isParsed(bytes), JSON.stringify(text));
      },
    ),
    { numRuns: cases({ few: 1_000, all: 20_000 }) },
  );
});

Deno.test("JsonReader: deep nesting and endless numbers are rejected", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  assertEquals(isRead(encode("[".repeat(512) + "]".repeat(512)), 100), true);
  assertEquals(isRead(encode("[".repeat(513) + "]".repeat(513)), 100), false);
  assertEquals(isRead(encode("1".repeat(1_001)), 100), false);
});

Deno.test("JsonReader: an element's span begins with its value, whatever stands between it and its comma", () => {
  const bytes = new TextEncoder().encode('[ 1, 2 ,\n{"a":3}]');
  const starts: [entered: number | undefined, keyStart: number, start: number][] = [];
  const reader = new JsonReader<{ at?: number }>(bytes, {
    root: {},
    enter: (_parent, key, keyStart) => key === undefined ? { at: keyStart } : undefined,
    ended: ({ at }, { keyStart, start }) => void starts.push([at, keyStart, start]),
  });
  reader.step(bytes.length + 1);
  assertEquals(starts, [[2, 2, 2], [5, 5, 5], [9, 9, 9], [undefined, 0, 0]]);
});
