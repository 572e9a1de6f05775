import { assert, assertEquals } from "@std/assert";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { ResponseTap } from "../../../src/accounting/taps/response_tap.ts";
import { sumOf } from "../../../src/accounting/usage/usage.ts";
import {
  type ExpectedUsage,
  type GoldenFile,
  readCatalogue,
  USAGE_MEMBERS,
  wireTexts,
} from "../../support/data/catalogue.ts";
import { COMPARED_MEMBERS, libraryReads, libraryUsage } from "../../support/data/library_usage.ts";
import { nextTurn } from "../../support/time/passing_time.ts";
import { random } from "../../support/data/random.ts";
import { cases } from "../../support/runner/cases.ts";
import { contentFields } from "../../support/data/fields.ts";

const CATALOGUE = readCatalogue();
/** Up to this length every place is tried; a longer answer is split at so many places by chance. */
const MAX_ALL_PLACES_BYTES = cases({ few: 100, all: 4096 });
const CHANCE_PLACES = cases({ few: 20, all: 200 });
const CODINGS: readonly (readonly [string, (plain: Uint8Array) => Uint8Array])[] = [
  ["gzip", gzipSync],
  ["br", brotliCompressSync],
  ["deflate", deflateSync],
  ["zstd", zstdCompressSync],
];

for (const { name, file } of CATALOGUE) {
  Deno.test(`catalogue ${name}`, async () => {
    for (const { way, text } of wireTexts(file)) {
      const bytes = new TextEncoder().encode(text);
      await assertReads(file, { pieces: [bytes], way: `${way}, whole` });
      await assertReads(file, {
        pieces: Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
        way: `${way}, byte by byte`,
      });
    }
    const [usual] = wireTexts(file);
    assert(usual !== undefined);
    const bytes = new TextEncoder().encode(usual.text);
    for (const at of splitPlaces(bytes.length)) {
      const pieces = [bytes.subarray(0, at), bytes.subarray(at)];
      await assertReads(file, { pieces, way: `split at byte ${at} of ${bytes.length}` });
    }
    for (const [coding, compress] of CODINGS) {
      const compressed = new Uint8Array(compress(bytes));
      const half = compressed.length >> 1;
      const pieces = [compressed.subarray(0, half), compressed.subarray(half)];
      await assertReads(file, { pieces, coding, way: `${coding}, two pieces` });
      await assertReads(file, { pieces: [compressed], coding, way: `${coding}, whole` });
    }
    await nextTurn();
  });

  if (libraryReads(file)) {
    Deno.test(`catalogue ${name} as @pydantic/genai-prices reads it`, () => {
      const theirs = libraryUsage(file);
      const differences = typeof theirs === "string"
        ? [theirs]
        : differencesOf(theirs, file.expect.usage, COMPARED_MEMBERS);
      if (file.differs_from_library === undefined) assertEquals(differences, []);
      else assert(differences.length > 0, "The note differs_from_library is stale: the library agrees");
    });
  }
}

Deno.test("catalogue: only an answer whose numbers contradict each other is said to be one", async () => {
  const contradicting: string[] = [];
  for (const { name, file } of CATALOGUE) {
    const tap = ResponseTap.of(contentFields(file.content_type));
    tap?.write(new TextEncoder().encode(wireTexts(file)[0]?.text));
    const { contradictions } = await tap?.end() ?? {};
    if (contradictions !== undefined) contradicting.push(name);
  }
  assertEquals(contradicting, ["openai_contradiction_cached_above_prompt"]);
});

Deno.test("catalogue files say of each answer whether it states all that is billed", () => {
  const contradicting = CATALOGUE.filter(({ file }) => {
    const { usage, complete } = file.expect;
    // A member other than these two is a part or a supplement of them.
    return complete && Object.keys(usage).length > 0 && usage.inputTokens === undefined &&
      usage.inputAudioSeconds === undefined && usage.statedCostMicros === undefined;
  });
  assertEquals(contradicting.map(({ name }) => name), []);
});

Deno.test("catalogue files carry no note about a library that does not read them", () => {
  const stale = CATALOGUE.filter(({ file }) =>
    file.differs_from_library !== undefined && !libraryReads(file)
  );
  assertEquals(stale.map(({ name }) => name), []);
});

/** Feeds the pieces of an answer and compares what was read. */
async function assertReads(
  file: GoldenFile,
  { pieces, coding, way }: { pieces: Uint8Array[]; coding?: string; way: string },
): Promise<void> {
  const tap = ResponseTap.of(contentFields(`${file.content_type}; charset=utf-8`, coding));
  assert(tap !== undefined, `no reader for ${file.content_type}, ${coding ?? "identity"}`);
  for (const piece of pieces) tap.write(piece);
  const { usage, steps = [], model } = await tap.end();
  const actual: Record<string, unknown> = {
    ...steps.reduce((total, step) => sumOf(total, step.usage), usage),
  };
  const right = [file.expect.usage, ...file.expect.or ?? []];
  if (!right.some((one) => differencesOf(actual, one).length === 0)) {
    const members = differencesOf(actual, file.expect.usage);
    throw new Error(`${way}: ${members.join("; ")}`);
  }
  assertEquals(model ?? null, file.expect.model, `${way}: the model`);
}

/** The places at which an answer is split in two. */
function splitPlaces(length: number): number[] {
  if (length <= MAX_ALL_PLACES_BYTES) return Array.from({ length: length - 1 }, (_, at) => at + 1);
  const { below } = random(length);
  return Array.from({ length: CHANCE_PLACES }, () => 1 + below(length - 1));
}

/** Member by member; 0 and absent are equal, except for the tokens in and out. */
function differencesOf(
  actual: Readonly<Record<string, unknown>>,
  expected: ExpectedUsage,
  members: readonly string[] = USAGE_MEMBERS,
): string[] {
  const wanted: Readonly<Record<string, unknown>> = expected;
  return members.flatMap((member) => {
    const strict = member === "inputTokens" || member === "outputTokens";
    const [was, should] = [actual[member], wanted[member]].map((one) => strict ? one : one || undefined);
    return was === should ? [] : [`${member} is ${was ?? "absent"}, expected ${should ?? "absent"}`];
  });
}
