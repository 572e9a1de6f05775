/**
 * The scanner of JSON and the meter of its text against slow readers of the whole, with generated and changed
 * texts.
 */

import { assert, assertEquals } from "@std/assert";
import { JsonScanner } from "../../src/payload/json_scanner.ts";
import { compileSelection, type Selection } from "../../src/payload/json_selection.ts";
import type { TextSink } from "../../src/payload/text_sink.ts";
import { TextMeter } from "../../src/payload/text_meter.ts";
import {
  KIND_OF,
  kindOfTwo,
  NOTHING,
  UNDECIDED,
  WEIGHT_OF_TOKEN,
  weightOf,
} from "../../src/payload/token_weights.ts";
import { mutated } from "../fuzz/mutate.ts";
import { inPieces, latin1Text, type Random, utf8 } from "../fuzz/target.ts";
import { golden } from "../fuzz/targets/json_seeds.ts";
import { random } from "../support/data/random.ts";
import { referenceReports, type Report } from "../support/data/reference_scanner.ts";

const ROUNDS = 10_000;
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_261_129);
const CONTENT: Selection = { "": "length", text: "length", "*": { text: "length", input: "length" } };
const SELECTION: Selection = {
  model: true,
  usage: true,
  delta: { "": "length", text: "length" },
  response: { "": "length", usage: true, model: true },
  choices: {
    "*": { finish_reason: true, delta: { content: CONTENT, tool_calls: { "*": { a: "length" } } } },
  },
  content: CONTENT,
  output: { "*": "length" },
  queries: { "*": true },
};
const COMPILED = compileSelection(SELECTION);

/** Joins the pieces of each measured value. */
class Recorder implements TextSink {
  readonly reports: Report[] = [];
  #text: string | undefined;

  write(bytes: Uint8Array, from: number, to: number): void {
    if (from < to) this.#text = (this.#text ?? "") + latin1Text(bytes.subarray(from, to));
  }

  writeText(bytes: Uint8Array, from: number, to: number): number {
    const rest = latin1Text(bytes.subarray(from, to));
    const length = Math.max(0, rest.search(/["\\]|$/));
    this.write(bytes, from, from + length);
    return from + length;
  }

  end(): void {
    this.reports.push(["measured", this.#text ?? ""]);
    this.#text = undefined;
  }

  /** Reports a value that has not ended. */
  cut(): Report[] {
    if (this.#text !== undefined) this.end();
    return this.reports;
  }
}

function reports(pieces: readonly Uint8Array[]): Report[] {
  const recorder = new Recorder();
  const scanner = new JsonScanner(
    COMPILED,
    (path, value) => recorder.reports.push(["value", path, value]),
    { texts: recorder, onEnd: () => recorder.reports.push(["end"]) },
  );
  for (const piece of pieces) {
    // Pieces are valid only until the next one: what is kept of them has to be a copy.
    const own = piece.slice();
    scanner.write(own);
    own.fill(0x22);
  }
  return recorder.cut();
}

const KEYS = Object.keys(SELECTION).concat(
  "text",
  "input",
  "finish_reason",
  "tool_calls",
  "a",
  "x",
  "",
  "*",
  "constructor",
);
const VALUES = [
  ...[
    "0",
    "-0",
    "12",
    "007",
    "1e3",
    "1.5",
    "1E400",
    "-",
    "+1",
    "123456789012345",
    "1234567890123456",
    "12345678901234567",
  ],
  ...[
    "true",
    "false",
    "null",
    "nul",
    "nullx",
    "NaN",
    '""',
    '"stop"',
    '"Grüße, 快速 😀"',
    '"a\\"b\\\\"',
    '"\\u00e9\\n"',
  ],
  ...[
    '"\\ud83d\\ude00 \\u65e5"',
    '"\\u12"',
    '"\\x"',
    '"\\u1"2"',
    '"\\',
    `"${"x".repeat(70)}"`,
    `"${"x".repeat(70_000)}"`,
  ],
];

function key({ below, pick }: Random, depth: number): string {
  const plain = pick(depth === 0 ? Object.keys(SELECTION) : KEYS);
  if (below(10) > 0) return plain;
  const escaped = [...plain].map((letter) => `\\u00${letter.charCodeAt(0).toString(16)}`).join("");
  return pick([escaped, `${plain}\\n`, plain.padEnd(below(200), "x"), `\ufeff${plain}`]);
}

function text(chance: Random, depth = 0): string {
  const { below, pick } = chance;
  const blank = below(8) === 0 ? pick([" ", "\n", "\t", "\r\n", "\v"]) : "";
  const count = below(4) + (depth === 0 ? 2 : 0);
  const inner = () => text(chance, depth + 1);
  switch (depth === 0 && below(4) > 0 ? 4 : below(depth > 6 ? 2 : 6)) {
    case 0:
    case 1:
      return blank + pick(below(40) === 0 ? VALUES : VALUES.slice(0, -1));
    case 2:
      return `[${Array.from({ length: count }, inner).join(",")}${blank}]`;
    case 3:
      if (depth === 0) return "[".repeat(60 + below(8)) + inner() + "]".repeat(60 + below(8));
      return depth > 3 && below(9) === 0 ? "[".repeat(70) + "]".repeat(below(72)) : `[${inner()}]`;
    default:
      return `{${
        Array.from({ length: count }, () => `"${key(chance, depth)}"${blank}:${inner()}`).join(`,${blank}`)
      }}`;
  }
}

/** Answers in pieces, some of which are whole JSON and some are not. */
function* inputs(chance: Random): Generator<Uint8Array> {
  const corpus = [...golden(".json", 3_000), ...Array.from({ length: 50 }, () => utf8(text(chance)))];
  const words = [
    '"',
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\n",
    "\\u0061",
    "null",
    "\xff",
    "\xe5",
    '"model":"m",',
    '"text":"',
  ];
  for (let round = 0; round < ROUNDS; round++) {
    const fresh = utf8(chance.below(6) === 0 ? `${text(chance)}\n${text(chance)}` : text(chance));
    const whole = chance.below(3) === 0 ? chance.pick(corpus) : fresh;
    yield chance.below(2) === 0 ? whole : mutated(whole, { corpus, words, chance });
  }
}

Deno.test(`JsonScanner: ${ROUNDS} texts are read as the reference reads them, in pieces of any size`, () => {
  const chance = random(SEED);
  const counts = { value: 0, measured: 0, end: 0 };
  let round = 0;
  for (const input of inputs(chance)) {
    const expected = referenceReports(latin1Text(input), SELECTION);
    const where = `seed ${SEED}, round ${round++}: ${JSON.stringify(latin1Text(input)).slice(0, 2_000)}`;
    assertEquals(reports([input]), expected, where);
    assertEquals(reports(inPieces(input, chance)), expected, `in pieces, ${where}`);
    for (const [kind] of expected) counts[kind]++;
  }
  for (const [kind, count] of Object.entries(counts)) {
    assert(count > ROUNDS / 8, `only ${count} of the kind ${kind}`);
  }
});

/** The reports of each of several texts, which one scanner reads one after the other. */
function reportsOfEach(texts: readonly (readonly Uint8Array[])[]): Report[][] {
  let recorder = new Recorder();
  const sink: TextSink = {
    write: (bytes, from, to) => recorder.write(bytes, from, to),
    writeText: (bytes, from, to) => recorder.writeText(bytes, from, to),
    end: () => recorder.end(),
  };
  const scanner = new JsonScanner(
    COMPILED,
    (path, value) => recorder.reports.push(["value", path, value]),
    { texts: sink, onEnd: () => recorder.reports.push(["end"]), repeats: true },
  );
  return texts.map((pieces) => {
    recorder = new Recorder();
    for (const piece of pieces) {
      const own = piece.slice();
      scanner.write(own);
      own.fill(0x22);
    }
    scanner.reset();
    return recorder.cut();
  });
}

Deno.test("JsonScanner: texts that begin like the text before are read as if each were the first", () => {
  const chance = random(SEED + 1);
  const { below } = chance;
  let measured = 0;
  const all = [...inputs(chance)].filter((input) => input.length < 5_000);
  for (let round = 0; round + 1 < all.length; round += 2) {
    const [base, other] = [all[round] ?? utf8(""), all[round + 1] ?? utf8("")];
    const texts = Array.from({ length: 2 + below(9) }, () => {
      const cut = below(base.length + 1);
      const whole = below(3) > 0
        ? base
        : below(4) === 0
        ? other
        : new Uint8Array([...base.subarray(0, cut), ...other.subarray(below(other.length + 1))]);
      return below(5) === 0 ? inPieces(whole, chance) : [whole];
    });
    const where = `seed ${SEED}, round ${round}: ${JSON.stringify(latin1Text(base)).slice(0, 2_000)}`;
    assertEquals(reportsOfEach(texts), texts.map(reports), where);
    measured += reports([base]).filter(([kind]) => kind === "measured").length;
  }
  assert(measured > ROUNDS / 8, `only ${measured} measured texts`);
});

/** The tokens of a text by the weights of its characters, one after the other. */
function weighed(plain: string): number {
  let before = NOTHING;
  let weight = 0;
  for (const letter of plain) {
    const [first = 0, second = 0] = utf8(letter);
    const kind = KIND_OF[first] === UNDECIDED ? kindOfTwo(first, second) : KIND_OF[first] ?? 0;
    weight += weightOf(before, kind);
    before = kind;
  }
  return weight / WEIGHT_OF_TOKEN;
}

/** What the meter counts of the text of an answer in pieces. */
function metered(pieces: readonly Uint8Array[]): unknown {
  const texts = new TextMeter();
  const scanner = new JsonScanner(COMPILED, () => {}, { texts });
  for (const piece of pieces) scanner.write(piece);
  return { bytes: texts.bytes, texts: texts.texts, tokens: texts.tokens };
}

const WORDS = [
  ...'aB1 .,-\n\t\r\b\f/"\\\u0001éßαяжאक字語かカ한😀\u00ad\u0301\u2028',
  "word",
  "Zürich",
  "2024",
  "  ",
  "Привет",
];

/** The text as a JSON string, with some escapes that JSON does not need. */
function written(plain: string, { below }: Random): string {
  const letters = Array.from(plain, (letter) => {
    if (below(20) > 0) return JSON.stringify(letter).slice(1, -1);
    return letter.split("").map((unit) => {
      const code = unit.charCodeAt(0).toString(16).padStart(4, "0");
      return `\\u${below(2) === 0 ? code : code.toUpperCase()}`;
    }).join("");
  });
  return `"${letters.join("")}"`;
}

Deno.test(`TextMeter: ${ROUNDS} texts have the weight of their characters, in pieces of any size`, () => {
  const chance = random(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const plain = Array.from({ length: 1 + chance.below(40) }, () => chance.pick(WORDS)).join("");
    const json = written(plain, chance);
    const expected = { bytes: utf8(json).length - 2, texts: 1, tokens: weighed(plain) };
    const answer = utf8(`{"delta":${json},"content":[{"text":""}]}`);
    assertEquals(metered(inPieces(answer, chance)), expected, `seed ${SEED}, round ${round}: ${json}`);
  }
});

/** Each byte as a piece. The scanner changes no piece, so every text can use the same ones. */
const SINGLE = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));

/**
 * Counts of the meter as one short text: most rounds are equal, and a comparison of objects takes longer than
 * the count.
 */
function counted(pieces: readonly Uint8Array[]): string {
  return JSON.stringify(metered(pieces));
}

Deno.test(`TextMeter: ${ROUNDS} texts that may be malformed count the same whole and byte by byte`, () => {
  const chance = random(SEED + 1);
  for (const input of inputs(chance)) {
    const whole = counted([input]);
    const others = [inPieces(input, chance)];
    if (input.length < 3_000) others.push(Array.from(input, (byte) => SINGLE[byte] ?? input));
    for (const pieces of others) {
      const counts = counted(pieces);
      if (counts !== whole) assertEquals(counts, whole, JSON.stringify(latin1Text(input)));
    }
  }
});
