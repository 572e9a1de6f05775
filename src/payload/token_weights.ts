/**
 * Estimates how many tokens a text has, by its bytes. Tokenizers begin a token where the kind of character
 * changes, and continue it inside of a word or a number. So each character has a weight by its kind and by
 * the kind of the character before it. The weights were fitted to OpenAI's `o200k`. `docs/usage-and-cost.md`
 * describes the texts and the errors.
 */

/**
 * The kinds of characters, by the first byte in UTF-8, and by the second byte if several scripts share the
 * first.
 */
const KINDS = [
  "vowel",
  "consonant",
  "capital",
  "digit",
  "space",
  "control",
  "punctuation",
  "latin1",
  "latin2",
  "combining",
  "greek",
  "cyrillic",
  "armenian",
  "semitic",
  "bytes2",
  "indic",
  "thai",
  "bytes3",
  "khmer",
  "latin3",
  "symbols",
  "kana",
  "han",
  "hangul",
  "fullwidth",
  "emoji",
  "bytes4",
  "nothing",
] as const;
type Kind = typeof KINDS[number];

/** The kind before the first character. */
export const NOTHING: number = KINDS.indexOf("nothing");
/** Marks a byte that continues a character. */
export const CONTINUATION = 255;
/** Marks a first byte whose second byte decides the kind: use {@link kindOfTwo}. */
export const UNDECIDED = 254;
/** The weight of one token. Weights are integers, so that sums do not depend on the pieces of a text. */
export const WEIGHT_OF_TOKEN = 100;
/** The number of bits of a kind. */
const KIND_BITS = 5;

/** The weights in hundredths of a token: after the same kind, and after another kind. */
const WEIGHTS: Readonly<Record<Exclude<Kind, "nothing">, readonly [within: number, enter: number]>> = {
  vowel: [95, 0],
  consonant: [37, 38],
  capital: [34, 114],
  digit: [33, 157],
  space: [1, 19],
  control: [72, 10],
  punctuation: [1, 68],
  latin1: [0, 0],
  latin2: [365, 400],
  combining: [350, 150],
  greek: [42, 0],
  cyrillic: [23, 361],
  armenian: [29, 0],
  semitic: [37, 229],
  bytes2: [206, 250],
  indic: [36, 61],
  thai: [41, 111],
  bytes3: [241, 400],
  khmer: [70, 0],
  latin3: [400, 363],
  symbols: [55, 281],
  kana: [64, 57],
  han: [78, 164],
  hangul: [76, 70],
  fullwidth: [0, 170],
  emoji: [201, 183],
  bytes4: [400, 400],
};
/** Weights of certain pairs of kinds. For example, a space belongs to the next word. */
const PAIRS: readonly (readonly [before: readonly Kind[], kinds: readonly Kind[], weight: number])[] = [
  [["space"], ["vowel", "consonant", "capital"], 0],
  [["vowel"], ["consonant"], 0],
  [["consonant"], ["vowel"], 33],
  [["capital"], ["vowel", "consonant"], 0],
  [["vowel", "consonant"], ["capital"], 141],
  [["space"], ["digit"], 178],
  [["digit"], ["vowel", "consonant", "capital"], 47],
  [["punctuation"], ["digit"], 93],
  [["punctuation"], ["vowel", "consonant"], 35],
  [["punctuation"], ["capital"], 155],
  [["space"], ["punctuation"], 90],
  [["digit"], ["punctuation"], 99],
  [["latin1", "latin2", "combining", "latin3"], ["vowel", "consonant"], 0],
  [["space"], ["latin1", "latin2", "latin3"], 30],
  [["vowel", "consonant"], ["latin1", "latin2", "latin3"], 160],
  [["space"], ["greek", "cyrillic", "armenian", "semitic", "indic"], 28],
];

/** The kind of each byte, or {@link CONTINUATION} or {@link UNDECIDED}. */
export const KIND_OF: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x80 && byte < 0xc0) return CONTINUATION;
  if ([0xe0, 0xe1, 0xe2, 0xe3, 0xea].includes(byte) || byte >= 0xf0) return UNDECIDED;
  return KINDS.indexOf(byte < 0x80 ? asciiKind(byte) : plainKind(byte));
});

const WEIGHT_OF: Uint16Array = weights();

function weights(): Uint16Array {
  const table = new Uint16Array(1 << 2 * KIND_BITS).fill(WEIGHT_OF_TOKEN);
  for (const [kind, name] of KINDS.entries()) {
    if (name === "nothing") continue;
    const [within, enter] = WEIGHTS[name];
    for (let before = 0; before < NOTHING; before++) {
      table[before << KIND_BITS | kind] = before === kind ? within : enter;
    }
  }
  // The first pair that matches wins, so it is written last.
  for (const [befores, kinds, weight] of PAIRS.toReversed()) {
    for (const before of befores) {
      for (const kind of kinds) table[KINDS.indexOf(before) << KIND_BITS | KINDS.indexOf(kind)] = weight;
    }
  }
  return table;
}

/** The weight of a kind after another kind, in hundredths of a token. */
export function weightOf(before: number, kind: number): number {
  return WEIGHT_OF[before << KIND_BITS | kind] ?? 0;
}

/** Marks a byte that {@link asciiWeight} has no weight for. */
export const NO_WEIGHT = 255;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ASCII_WEIGHT: Uint8Array = asciiWeights();

/** Makes one row for each kind and copies it, because the start of the program waits for the table. */
function asciiWeights(): Uint8Array {
  const table = new Uint8Array(128 << 8).fill(NO_WEIGHT);
  const rows = new Map<number, Uint8Array>();
  for (let before = 0; before < 128; before++) {
    const kind = KIND_OF[before] ?? 0;
    let row = rows.get(kind);
    if (row === undefined) rows.set(kind, row = KIND_OF.slice(0, 128).map((next) => weightOf(kind, next)));
    table.set(row, before << 8);
    table[before << 8 | QUOTE] = table[before << 8 | BACKSLASH] = NO_WEIGHT;
  }
  return table;
}

/**
 * The weight of a character of ASCII after another one, or {@link NO_WEIGHT} for a quote, a backslash and all
 * other characters. One table for both bytes makes a text 3.5 times as fast as their kinds do (0.37 ns a
 * byte).
 */
export function asciiWeight(before: number, byte: number): number {
  return ASCII_WEIGHT[before << 8 | byte] ?? NO_WEIGHT;
}

const FIRST_OF_TWO = 0xe0;
const SECOND_BITS = 6;
const KIND_OF_TWO: Uint8Array = Uint8Array.from({ length: 0x20 << SECOND_BITS }, (_, place) => {
  const first = FIRST_OF_TWO + (place >> SECOND_BITS);
  // All other entries are never read.
  if (KIND_OF[first] !== UNDECIDED) return 0;
  return KINDS.indexOf(scriptOf(first, 0x80 | place & (1 << SECOND_BITS) - 1));
});

/** The kind of a letter by its first two bytes. */
export function kindOfTwo(first: number, second: number): number {
  return KIND_OF_TWO[first - FIRST_OF_TWO << SECOND_BITS | second & (1 << SECOND_BITS) - 1] ?? 0;
}

function asciiKind(byte: number): Kind {
  const letter = String.fromCharCode(byte);
  if (byte < 0x20 || byte === 0x7f) return "control";
  if (/[aeiouy]/.test(letter)) return "vowel";
  if (/[a-z]/.test(letter)) return "consonant";
  if (/[A-Z]/.test(letter)) return "capital";
  if (/\d/.test(letter)) return "digit";
  return letter === " " ? "space" : "punctuation";
}

/** The kind of a character by its first byte. */
function plainKind(byte: number): Kind {
  if (byte <= 0xc3) return "latin1";
  if (byte <= 0xcb) return "latin2";
  if (byte <= 0xcd) return "combining";
  if (byte <= 0xcf) return "greek";
  if (byte <= 0xd1) return "cyrillic";
  if (byte <= 0xd6) return "armenian";
  if (byte <= 0xdb) return "semitic";
  if (byte <= 0xdf) return "bytes2";
  if (byte <= 0xe9) return "han";
  return byte <= 0xed ? "hangul" : "fullwidth";
}

/** The script of a character by its first two bytes. Tokenizers split rare scripts into bytes. */
function scriptOf(first: number, second: number): Kind {
  switch (first) {
    case 0xe0:
      if (second < 0xb8) return "indic";
      return second < 0xba ? "thai" : "bytes3";
    case 0xe1:
      // Burmese, Georgian and Khmer; Vietnamese.
      if (second <= 0x83 || second === 0x9e || second === 0x9f) return "khmer";
      return second >= 0xb8 ? "latin3" : "bytes3";
    case 0xe2:
      return second < 0xb0 ? "symbols" : "bytes3";
    case 0xe3:
      return second <= 0x83 ? "kana" : "han";
    case 0xea:
      return second >= 0xb0 ? "hangul" : "bytes3";
    default:
      return first === 0xf0 && second === 0x9f ? "emoji" : "bytes4";
  }
}
