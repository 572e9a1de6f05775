/**
 * How many tokens text has, by its bytes. Tokenizers begin a token where the kind of letter changes, and go on within a
 * word or a number. So each letter has a weight by its kind and by the kind of the letter before it. The weights were
 * fitted to OpenAI's `o200k` on 50 kinds of text; `docs/usage-and-cost.md` says how well they fit.
 */

/** Kinds of letters: of UTF-8 the first byte of each. */
const KINDS = [
  "vowel",
  "consonant",
  "capital",
  "digit",
  "space",
  "control",
  "punctuation",
  "latin",
  "cyrillic",
  "semitic",
  "indic",
  "kana",
  "han",
  "hangul",
  "astral",
  "nothing",
] as const;
type Kind = typeof KINDS[number];

/** The kind before the first letter. */
export const NOTHING: number = KINDS.indexOf("nothing");
/** Of bytes that only go on with a letter. */
export const CONTINUATION = 255;
/** Weights are whole numbers, so that sums do not depend on how a text is cut. */
export const WEIGHT_OF_TOKEN = 100;

/** In hundredths of a token: behind the same kind, and behind another one. */
const WEIGHTS: Readonly<Record<Kind, readonly [within: number, enter: number]>> = {
  vowel: [51, 0],
  consonant: [61, 171],
  capital: [35, 105],
  digit: [33, 179],
  space: [1, 0],
  control: [79, 0],
  punctuation: [1, 126],
  latin: [108, 171],
  cyrillic: [1, 0],
  semitic: [0, 0],
  indic: [41, 39],
  kana: [52, 59],
  han: [75, 187],
  hangul: [19, 188],
  astral: [201, 212],
  nothing: [0, 0],
};
/** Where the kind before makes a difference: a space belongs to the word behind it, and so on. */
const PAIRS: readonly (readonly [before: readonly Kind[], kinds: readonly Kind[], weight: number])[] = [
  [["space"], ["vowel", "consonant", "capital"], 12],
  [["vowel"], ["consonant"], 0],
  [["consonant"], ["vowel"], 21],
  [["capital"], ["vowel", "consonant"], 0],
  [["vowel", "consonant"], ["capital"], 144],
  [["space"], ["digit"], 207],
  [["digit"], ["vowel", "consonant", "capital"], 1],
  [["punctuation"], ["digit"], 132],
  [["punctuation"], ["vowel", "consonant"], 6],
  [["space"], ["punctuation"], 86],
  [["digit"], ["punctuation"], 69],
  [["latin"], ["vowel", "consonant"], 0],
  [["space"], ["cyrillic", "semitic"], 206],
];

/** The kind of each byte, as a number below 16, or {@link CONTINUATION}. */
export const KIND_OF: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const kind = kindOf(byte);
  return kind === undefined ? CONTINUATION : KINDS.indexOf(kind);
});

/** The weight of a kind behind another one, at `before * 16 + kind`. */
export const WEIGHT_OF: Uint16Array = Uint16Array.from({ length: 256 }, (_, place) => {
  const before = KINDS[place >> 4] ?? "nothing";
  const kind = KINDS[place & 15] ?? "nothing";
  if (before === "nothing") return WEIGHT_OF_TOKEN;
  const pair = PAIRS.find(([befores, kinds]) => befores.includes(before) && kinds.includes(kind));
  return pair?.[2] ?? WEIGHTS[kind][before === kind ? 0 : 1];
});

/** Undefined: no letter begins with it. */
function kindOf(byte: number): Kind | undefined {
  const letter = String.fromCharCode(byte);
  if (byte === 0x20) return "space";
  if (byte < 0x20 || byte === 0x7f) return "control";
  if (byte < 0x80) {
    if (/[aeiouy]/.test(letter)) return "vowel";
    if (/[a-z]/.test(letter)) return "consonant";
    if (/[A-Z]/.test(letter)) return "capital";
    return /\d/.test(letter) ? "digit" : "punctuation";
  }
  if (byte < 0xc0) return undefined;
  if (byte <= 0xcd) return "latin";
  if (byte <= 0xd3) return "cyrillic";
  if (byte <= 0xdf) return "semitic";
  if (byte <= 0xe2) return "indic";
  if (byte === 0xe3) return "kana";
  if (byte <= 0xe9) return "han";
  return byte <= 0xef ? "hangul" : "astral";
}
