/**
 * The catalogue of providers' answers below `tests/golden/catalogue`: how a file looks, and what bytes it
 * stands for.
 */

import * as v from "valibot";

const FOLDER = new URL("../../golden/catalogue/", import.meta.url);
const Count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** What is billed, as a file expects it; an absent member was not stated by the provider. */
const ExpectedUsage = v.strictObject({
  inputTokens: v.optional(Count),
  outputTokens: v.optional(Count),
  cachedTokens: v.optional(Count),
  cacheWriteTokens: v.optional(Count),
  cacheWriteHourTokens: v.optional(Count),
  reasoningTokens: v.optional(Count),
  inputAudioTokens: v.optional(Count),
  outputAudioTokens: v.optional(Count),
  inputImageTokens: v.optional(Count),
  outputImageTokens: v.optional(Count),
  cachedAudioTokens: v.optional(Count),
  cachedImageTokens: v.optional(Count),
  inputAudioSeconds: v.optional(Count),
  webSearches: v.optional(Count),
  statedCostMicros: v.optional(Count),
});

const Common = {
  /** The package and its type, or an address and the day on which it was read. */
  source: v.pipe(v.string(), v.minLength(10)),
  /** One sentence: what is special. */
  about: v.pipe(v.string(), v.endsWith(".")),
  provider: v.picklist(["openai", "anthropic", "gemini", "generic"]),
  /** The provider's id in `@pydantic/genai-prices`. */
  price_provider: v.nullable(v.string()),
  /** Which of the library's extractors reads such an answer. */
  price_flavor: v.optional(v.string()),
  path: v.pipe(v.string(), v.startsWith("/")),
  request: v.record(v.string(), v.unknown()),
  expect: v.strictObject({
    model: v.nullable(v.string()),
    usage: ExpectedUsage,
    /** Other usages that are as right, where the provider's documentation leaves two readings. */
    or: v.optional(v.array(ExpectedUsage)),
    /** Whether the answer states all that its exchange is billed for. */
    complete: v.boolean(),
  }),
  /** Why the library reads something else. */
  differs_from_library: v.optional(v.string()),
};

const GoldenFile = v.variant("content_type", [
  v.strictObject({ ...Common, content_type: v.literal("application/json"), body: v.unknown() }),
  v.strictObject({ ...Common, content_type: v.literal("text/event-stream"), events: v.array(v.string()) }),
  v.strictObject({ ...Common, content_type: v.literal("application/x-ndjson"), events: v.array(v.string()) }),
]);

export type ExpectedUsage = v.InferOutput<typeof ExpectedUsage>;
export type GoldenFile = v.InferOutput<typeof GoldenFile>;

/** The members of usage that the catalogue speaks of; a reader may state others. */
export const USAGE_MEMBERS: readonly string[] = Object.keys(ExpectedUsage.entries);

/** Every file of the catalogue by its name, in order. Throws where a file does not fit the format. */
export function readCatalogue(): { name: string; file: GoldenFile }[] {
  const names = [...Deno.readDirSync(FOLDER)].map((entry) => entry.name).sort();
  return names.map((name) => {
    const parsed = v.safeParse(GoldenFile, JSON.parse(Deno.readTextFileSync(new URL(name, FOLDER))));
    if (!parsed.success) throw new TypeError(`${name}: ${JSON.stringify(v.flatten(parsed.issues))}`);
    return { name: name.replace(/\.json$/, ""), file: parsed.output };
  });
}

/** The answer as its provider may write it, one text for each way; the first one is the usual one. */
export function wireTexts(file: GoldenFile): { way: string; text: string }[] {
  switch (file.content_type) {
    case "application/json":
      return [
        { way: "compact", text: JSON.stringify(file.body) },
        { way: "indented", text: JSON.stringify(file.body, undefined, 2) },
        // Some providers keep a connection open with empty lines until the answer is ready.
        { way: "after empty lines", text: `\n\n\n${JSON.stringify(file.body)}\n` },
      ];
    case "application/x-ndjson":
      return [
        { way: "lines", text: file.events.map((line) => `${line}\n`).join("") },
        { way: "no last line break", text: file.events.join("\n") },
      ];
    case "text/event-stream": {
      const text = file.events.map((event) => `${event}\n\n`).join("");
      return [
        { way: "lines", text },
        { way: "CRLF", text: text.replaceAll("\n", "\r\n") },
        { way: "no space behind the colon", text: text.replace(/^(data|event): /gm, "$1:") },
      ];
    }
    default:
      return file satisfies never;
  }
}
