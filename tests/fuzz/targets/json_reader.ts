/** The strict reader of JSON against `JSON.parse`. */

import { JsonReader, JsonSyntaxError, jsonText } from "../../../src/payload/json_reader.ts";
import type { JsonSpan } from "../../../src/payload/json_reader.ts";
import { type FuzzTarget, holds, type Random, same, utf8 } from "../target.ts";
import { JSON_SEEDS, JSON_WORDS } from "./json_seeds.ts";

/** Rules that `JSON.parse` does not have. */
const OWN_RULES = /nested deeper than|number that is too long/;
const BLANK = new Set([0x20, 0x09, 0x0d]);

interface Node {
  readonly parent: Node | undefined;
  readonly key: string | undefined;
  readonly keyStart: number;
  readonly children: { readonly key: string | undefined; readonly value: unknown }[];
}

interface Reading {
  readonly values: readonly unknown[];
  readonly spans: readonly JsonSpan[];
}

/** What the reader says in steps: values made of its spans alone, or its error. */
function readIn(bytes: Uint8Array, step: () => number, isSequence: boolean): Reading | JsonSyntaxError {
  const root: Node = { parent: undefined, key: undefined, keyStart: 0, children: [] };
  const values: unknown[] = [];
  const spans: JsonSpan[] = [];
  const reader = new JsonReader<Node>(bytes, {
    root,
    enter: (parent, key, keyStart) => ({ parent, key, keyStart, children: [] }),
    ended(node, span) {
      spans.push(span);
      checkSpan(bytes, node, span);
      const value = valueOf(bytes, node, span);
      node.children.length = 0;
      (node.parent?.children ?? []).push({ key: node.key, value });
      if (node.parent === undefined) values.push(value);
    },
  }, { isSequence });
  try {
    while (!reader.step(step())) { /* the next step */ }
    return { values, spans };
  } catch (error) {
    if (error instanceof JsonSyntaxError) return error;
    throw error;
  }
}

function checkSpan(bytes: Uint8Array, { parent, key, keyStart }: Node, span: JsonSpan): void {
  holds(span.start < span.end && span.end <= bytes.length, "a span holds bytes");
  if (key === undefined) same(span.keyStart, span.start, "an element's span begins with its value");
  else {
    same(span.keyStart, keyStart, "a span has the key it was entered with");
    holds(bytes[span.keyStart] === 0x22, "a key begins with its quote");
    holds(parent !== undefined && span.keyStart < span.start, "a key stands before its value");
  }
}

function valueOf(bytes: Uint8Array, { children }: Node, { start, end }: JsonSpan): unknown {
  const first = bytes[start];
  if (first === 0x22) return jsonText(bytes.subarray(start, end));
  if (first === 0x5b) return children.map(({ value }) => value);
  if (first !== 0x7b) return JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)));
  const object = {};
  for (const { key = "", value } of children) {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return object;
}

function parsed(bytes: Uint8Array): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) };
  } catch {
    return undefined;
  }
}

/** The values of lines, if each line is a value or blank. */
function lineValues(bytes: Uint8Array): readonly unknown[] | undefined {
  const lines = splitLines(bytes).filter((line) => line.some((byte) => !BLANK.has(byte)));
  const values = lines.map(parsed);
  return values.every((value) => value !== undefined) ? values.map(({ value }) => value) : undefined;
}

function splitLines(bytes: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let at = 0; at <= bytes.length;) {
    const end = bytes.indexOf(0x0a, at);
    lines.push(bytes.subarray(at, end === -1 ? bytes.length : end));
    if (end === -1) break;
    at = end + 1;
  }
  return lines;
}

function check(input: Uint8Array, chance: Random): string {
  const whole = readIn(input, () => input.length + 1, false);
  const expected = parsed(input);
  if (whole instanceof JsonSyntaxError) {
    holds(expected === undefined || OWN_RULES.test(whole.message), `refuses JSON: ${whole.message}`);
  } else {
    holds(expected !== undefined, "takes what is no JSON");
    if (!hasLongKey(input)) same(whole.values, [expected.value], "finds other values");
  }
  const lines = readIn(input, () => input.length + 1, true);
  const values = lineValues(input);
  if (values !== undefined && !(lines instanceof JsonSyntaxError && OWN_RULES.test(lines.message))) {
    holds(!(lines instanceof JsonSyntaxError), "refuses lines of JSON");
    if (!hasLongKey(input)) same(lines.values, values, "finds other values in lines");
  }
  for (const isSequence of [false, true]) {
    const reference = outcome(isSequence ? lines : whole);
    const most = chance.pick([1, 3, 40]);
    same(outcome(readIn(input, () => 1 + chance.below(most), isSequence)), reference, "steps matter");
  }
  return word(whole) +
    (lines instanceof JsonSyntaxError ? "" : `, ${Math.min(lines.values.length, 4)} lines`);
}

function word(reading: Reading | JsonSyntaxError): string {
  if (reading instanceof JsonSyntaxError) return reading.message.replaceAll(/\d+/g, "N");
  return `accepted ${Math.min(reading.spans.length, 12)}`;
}

function outcome(reading: Reading | JsonSyntaxError): unknown {
  return reading instanceof JsonSyntaxError ? "refused" : reading.spans;
}

/** Of those the reader says nothing. */
function hasLongKey(bytes: Uint8Array): boolean {
  return bytes.length > 1_000;
}

/** The reader of JSON texts. */
export const target: FuzzTarget = {
  name: "json_reader",
  seeds: [
    ...JSON_SEEDS,
    ...['{"a":1}\n{"b":2}\n', "[1,2]\r\n\r\n[3]", "\ufeff{}", "1 2", '"\ud83d\ude00\\ud83d"', "-0.5e+10"].map(
      utf8,
    ),
    utf8("[".repeat(520) + "]".repeat(520)),
  ],
  words: [...JSON_WORDS, "\xc3\xa9", "\xed\xa0\x80", "\xf0\x9f\x98\x80", "\xef\xbb\xbf", '"__proto__":'],
  check,
  read: (input) => readIn(input, () => 128 * 1024, false),
};
