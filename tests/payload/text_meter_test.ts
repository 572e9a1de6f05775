import { assert, assertEquals } from "@std/assert";
import { ResponseTap } from "../../src/accounting/taps/response_tap.ts";
import { inputOf } from "../../src/accounting/estimates/input_estimate.ts";
import { RequestTap } from "../../src/accounting/taps/request_tap.ts";
import { TextMeter } from "../../src/payload/text_meter.ts";
import { random } from "../support/data/random.ts";
import generated from "../golden/tokens/generated.json" with { type: "json" };
import counts from "../golden/tokens/o200k.json" with { type: "json" };
import { contentFields } from "../support/data/fields.ts";

/** As the documentation says, and no further. */
const MOST_BELOW = -0.3;
const MOST_ABOVE = 0.6;
/**
 * Kinds of texts whose characters, chosen by chance, have at least twice the tokens: the estimate is between.
 */
const HIGH: ReadonlySet<string> = new Set([
  "russian",
  "arabic",
  "hindi",
  "chinese",
  "korean",
  "whitespace",
]);
const HIGH_ABOVE = 1.5;
/** Letters by chance, and languages of which the tokenizer knows few words. */
const RARE_BELOW = -0.5;
const RARE: ReadonlySet<string> = new Set(["ascii noise", "letters noise", "marshallese", "swahili"]);

/** A text as ASCII, as Python's `json` writes it. */
function escaped(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0080-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function tokensOf(json: string, cuts: readonly number[] = []): number {
  const bytes = new TextEncoder().encode(json);
  const meter = new TextMeter();
  let from = 1;
  for (const to of [...cuts, bytes.length - 1]) {
    meter.write(bytes, from, to);
    from = to;
  }
  meter.end();
  return meter.tokens;
}

for (const { kind, text, tokens } of counts.texts) {
  Deno.test(`TextMeter: the estimate of ${kind} is near what a tokenizer counts`, () => {
    const error = tokensOf(JSON.stringify(text)) / tokens - 1;
    const mostBelow = RARE.has(kind) ? RARE_BELOW : MOST_BELOW;
    const mostAbove = HIGH.has(kind) ? HIGH_ABOVE : MOST_ABOVE;
    assert(error > mostBelow && error < mostAbove, `${Math.round(error * 100)} %`);
  });

  Deno.test(`TextMeter: ${kind} with escapes counts as without, however it is cut`, () => {
    const plain = tokensOf(JSON.stringify(text));
    const json = escaped(text);
    assertEquals(tokensOf(json), plain);
    const { below } = random(tokens);
    for (let round = 0; round < 50; round++) {
      const cuts = Array.from({ length: 8 }, () => 1 + below(json.length - 2)).sort((one, other) =>
        one - other
      );
      assertEquals(tokensOf(json, cuts), plain, `cut at ${cuts}`);
    }
    assertEquals(tokensOf(json, Array.from({ length: json.length - 2 }, (_, at) => at + 1)), plain);
  });
}

Deno.test("TextMeter: no choice of characters makes the estimate less than half of what a tokenizer counts", () => {
  assert(generated.texts.length > 200);
  for (const { kind, text, o200k, cl100k } of generated.texts) {
    const tokens = tokensOf(JSON.stringify(text));
    // A token of `cl100k` has fewer characters in most scripts.
    const least = Math.max(o200k / 2, cl100k / 3);
    assert(tokens >= least, `${kind}: ${tokens} of ${o200k} and ${cl100k}`);
  }
});

Deno.test("TextMeter: no character is free, alone or after any other one", () => {
  const letters = [
    "a",
    "b",
    "A",
    "0",
    " ",
    "\n",
    ".",
    "\u0085",
    "\u00e9",
    "\u0100",
    "\u0300",
    "\u03b1",
    "\u0431",
  ];
  letters.push("\u0411", "\u0561", "\u05d0", "\u0628", "\u067e", "\u0710", "\u0915", "\u0e01", "\u1200");
  letters.push("\u1780", "\u1ea1", "\u2014", "\u2500", "\u3042", "\u4e2d", "\ud55c", "\ue000", "\uff01");
  letters.push("\ufe0f", "\ufe70", "\u{1f600}", "\u{20000}");
  for (const before of letters) {
    const alone = tokensOf(JSON.stringify(before));
    assert(alone > 0);
    for (const letter of letters) assert(tokensOf(JSON.stringify(before + letter)) > alone);
  }
});

Deno.test("TextMeter: capital digits of escapes, short escapes, and pairs of surrogates", () => {
  assertEquals(tokensOf(String.raw`"\u4E2D\u6587"`), tokensOf('"中文"'));
  assertEquals(tokensOf(String.raw`"\uD83D\uDE00"`), tokensOf('"😀"'));
  assertEquals(tokensOf(String.raw`"a\/b"`), tokensOf('"a/b"'));
  assertEquals(tokensOf(String.raw`"x\u000ay"`), tokensOf(String.raw`"x\ny"`));
});

const CHINESE = counts.texts.find(({ kind }) => kind === "chinese")?.text ?? "";

Deno.test("ResponseTap: text with escapes counts as what it stands for", async () => {
  const tokens = async (json: string) => {
    const tap = ResponseTap.of(contentFields("text/event-stream"));
    tap?.write(new TextEncoder().encode(`data: {"choices":[{"delta":{"content":${json}}}]}\n\n`));
    return (await tap?.end())?.textTokens;
  };
  assertEquals(await tokens(escaped(CHINESE)), await tokens(JSON.stringify(CHINESE)));
});

Deno.test("ResponseTap: a text that is cut counts as far as it came", async () => {
  const tap = ResponseTap.of(contentFields("text/event-stream"));
  tap?.write(new TextEncoder().encode('data: {"choices":[{"delta":{"content":"one two three four'));
  const { texts, textTokens = 0 } = await tap?.end() ?? {};
  assertEquals(texts, 1);
  assert(textTokens > 2);
});

Deno.test("requests: text with escapes counts as what it stands for, read or passing", async () => {
  const body = (json: string) => new TextEncoder().encode(`{"messages":[{"role":"user","content":${json}}]}`);
  const [plain, ascii] = [body(JSON.stringify(CHINESE)), body(escaped(CHINESE))];
  assert(ascii.length > plain.length * 1.5);
  const passing = (bytes: Uint8Array) => {
    const tap = new RequestTap({
      contentType: "application/json",
      path: "/v1/chat/completions",
      operation: "chat_completions",
    });
    tap.write(bytes);
    return tap.inputTokens();
  };
  assertEquals(passing(ascii), passing(plain));
  const read = async (bytes: Uint8Array) => (await inputOf({ kind: "json", bytes })).tokens;
  assertEquals(await read(ascii), await read(plain));
});

Deno.test("requests: lists of numbers count by their digits, and pictures by their length", async () => {
  const numbers = counts.texts.find(({ kind }) => kind === "decimals");
  const picture = "QUJD".repeat(10_000);
  const bytes = new TextEncoder().encode(JSON.stringify({
    messages: [{
      role: "user",
      content: [{ type: "text", text: numbers?.text }, { type: "image_url", image_url: { url: picture } }],
    }],
  }));
  const { tokens } = await inputOf({ kind: "json", bytes });
  const least = (numbers?.tokens ?? Infinity) * (1 + MOST_BELOW) + picture.length / 4;
  assert(tokens > least && tokens < least * 1.1, `${tokens}`);
});

Deno.test("requests: a form counts by its length", async () => {
  assertEquals((await inputOf({ kind: "form", bytes: new Uint8Array(320) })).tokens, 10);
});
