/**
 * Estimates how many tokens a text has, by its bytes. Tokenizers begin a token at a place where the kind of
 * character changes, and continue it inside a word or a number. So the weight of a character depends on its
 * kind and on the kind of the character before it. The weights were fitted to OpenAI's `o200k`. For natural
 * texts, they are as near to it as possible. For random characters of every kind, block and mixture, they
 * give at least half of its tokens. `docs/usage-and-cost.md` describes the texts and the errors.
 */

/**
 * The kinds of characters. The first byte in UTF-8 decides the kind. If several scripts share the first byte,
 * the second byte decides too.
 */
const KINDS = [
  "vowel",
  "consonant",
  "capital",
  "digit",
  "space",
  "control",
  "punctuation",
  "signs",
  "latin1",
  "latin2",
  "combining",
  "greek",
  "cyrillic",
  "cyrillic2",
  "armenian",
  "hebrew",
  "arabic",
  "arabic2",
  "bytes2",
  "indic",
  "thai",
  "bytes3",
  "khmer",
  "latin3",
  "general",
  "symbols",
  "kana",
  "han",
  "hangul",
  "fullwidth",
  "variation",
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
const KIND_BITS = 6;

/**
 * The kinds that have a separate weight if they come before a character. All other kinds count as the last
 * one.
 */
const BEFORE = [
  "vowel",
  "consonant",
  "capital",
  "digit",
  "space",
  "control",
  "punctuation",
] as const satisfies readonly Kind[];

/**
 * The weights in hundredths of a token. For each kind, they are: after the same kind, after each kind of
 * `BEFORE`, and after any other kind. No weight is 0, so that every character counts.
 */
const WEIGHTS: Readonly<Record<Exclude<Kind, "nothing">, readonly number[]>> = {
  vowel: [34, 2, 41, 2, 104, 47, 103, 78, 37],
  consonant: [34, 2, 2, 2, 168, 20, 103, 80, 41],
  capital: [32, 68, 74, 2, 250, 2, 2, 2, 121],
  digit: [50, 2, 2, 141, 2, 78, 104, 65, 156],
  space: [26, 6, 34, 52, 115, 2, 2, 2, 68],
  control: [53, 2, 2, 104, 2, 103, 2, 2, 2],
  punctuation: [44, 2, 2, 81, 41, 52, 104, 2, 2],
  signs: [103, 114, 500, 33, 2, 38, 153, 129, 102],
  latin1: [56, 62, 60, 2, 2, 2, 106, 500, 57],
  latin2: [107, 120, 112, 268, 2, 134, 145, 500, 352],
  combining: [107, 146, 500, 33, 2, 88, 154, 151, 105],
  greek: [93, 96, 95, 11, 2, 40, 134, 131, 83],
  cyrillic: [46, 74, 69, 2, 2, 2, 108, 107, 58],
  cyrillic2: [66, 77, 73, 2, 2, 2, 113, 115, 66],
  armenian: [72, 82, 78, 2, 2, 40, 120, 116, 69],
  hebrew: [87, 103, 99, 20, 2, 26, 139, 143, 135],
  arabic: [82, 96, 87, 9, 2, 22, 122, 128, 78],
  arabic2: [91, 98, 96, 15, 2, 42, 139, 134, 86],
  bytes2: [216, 123, 119, 34, 2, 91, 152, 158, 108],
  indic: [108, 101, 96, 16, 2, 41, 137, 136, 87],
  thai: [96, 95, 93, 13, 2, 31, 129, 128, 86],
  bytes3: [203, 177, 500, 92, 51, 500, 210, 500, 165],
  khmer: [108, 98, 100, 11, 2, 48, 137, 132, 87],
  latin3: [108, 500, 107, 23, 2, 212, 140, 140, 95],
  general: [89, 292, 82, 2, 2, 138, 125, 122, 75],
  symbols: [160, 173, 500, 500, 28, 162, 179, 180, 500],
  kana: [91, 86, 165, 2, 2, 35, 119, 124, 68],
  han: [160, 120, 117, 33, 2, 55, 151, 157, 100],
  hangul: [160, 134, 133, 53, 17, 59, 171, 173, 125],
  fullwidth: [101, 98, 90, 16, 2, 34, 130, 133, 83],
  variation: [106, 122, 117, 37, 2, 90, 156, 158, 106],
  emoji: [164, 161, 159, 79, 42, 277, 199, 196, 149],
  bytes4: [402, 230, 226, 145, 109, 486, 264, 263, 216],
};

/** The kind of each byte, or {@link CONTINUATION} or {@link UNDECIDED}. */
export const KIND_OF: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x80 && byte < 0xc0) return CONTINUATION;
  if (byte >= 0xd0) return UNDECIDED;
  return KINDS.indexOf(byte < 0x80 ? asciiKind(byte) : plainKind(byte));
});

const WEIGHT_OF: Uint16Array = weights();

function weights(): Uint16Array {
  const table = new Uint16Array(1 << 2 * KIND_BITS).fill(WEIGHT_OF_TOKEN);
  const columns = KINDS.map((name) => 1 + BEFORE.findIndex((before) => before === name));
  for (const [kind, name] of KINDS.entries()) {
    if (name === "nothing") continue;
    const row = WEIGHTS[name];
    const other = row.at(-1) ?? 0;
    for (let before = 0; before < NOTHING; before++) {
      const column = columns[before] ?? 0;
      const after = column === 0 ? other : row[column] ?? other;
      table[before << KIND_BITS | kind] = before === kind ? row[0] ?? 0 : after;
    }
  }
  return table;
}

/** Returns the weight of a kind after another kind, in hundredths of a token. */
export function weightOf(before: number, kind: number): number {
  return WEIGHT_OF[before << KIND_BITS | kind] ?? 0;
}

/** Marks a byte that {@link asciiWeight} has no weight for. */
export const NO_WEIGHT = 255;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ASCII_WEIGHT: Uint8Array = asciiWeights();

/**
 * Makes one row for each kind and copies it. This is fast, because the start of the program waits for the
 * table.
 */
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
 * Returns the weight of a character of ASCII after another one. Returns {@link NO_WEIGHT} for a quote, a
 * backslash and all characters beyond ASCII. With one table for both bytes, a text is read 3.5 times as fast
 * as by the kinds (0.37 ns for each byte).
 */
export function asciiWeight(before: number, byte: number): number {
  return ASCII_WEIGHT[before << 8 | byte] ?? NO_WEIGHT;
}

const FIRST_OF_TWO = 0xc0;
const SECOND_BITS = 6;
const KIND_OF_TWO: Uint8Array = Uint8Array.from({ length: 0x40 << SECOND_BITS }, (_, place) => {
  const first = FIRST_OF_TWO + (place >> SECOND_BITS);
  // All other entries are never read.
  if (KIND_OF[first] !== UNDECIDED) return 0;
  return KINDS.indexOf(scriptOf(first, 0x80 | place & (1 << SECOND_BITS) - 1));
});

/** Returns the kind of a letter by its first two bytes. */
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

/** Returns the kind of a character by its first byte. */
function plainKind(byte: number): Kind {
  if (byte <= 0xc2) return "signs";
  if (byte <= 0xc3) return "latin1";
  if (byte <= 0xcb) return "latin2";
  return byte <= 0xcd ? "combining" : "greek";
}

/** Returns the script of a character by its first two bytes. Tokenizers split rare scripts into bytes. */
function scriptOf(first: number, second: number): Kind {
  switch (first) {
    case 0xd0:
      return second >= 0xb0 ? "cyrillic" : "cyrillic2";
    case 0xd1:
      return second < 0xa0 ? "cyrillic" : "bytes2";
    case 0xd5:
      return "armenian";
    case 0xd6:
      return second < 0x90 ? "armenian" : "hebrew";
    case 0xd7:
      return "hebrew";
    case 0xd8:
    case 0xd9:
      return "arabic";
    case 0xda:
    case 0xdb:
      return "arabic2";
    case 0xe0:
      if (second >= 0xa4 && second < 0xb8) return "indic";
      return second >= 0xb8 && second < 0xba ? "thai" : "bytes3";
    case 0xe1:
      // Burmese, Georgian and Khmer; Vietnamese.
      if (second <= 0x83 || second === 0x9e || second === 0x9f) return "khmer";
      return second >= 0xb8 && second < 0xbc ? "latin3" : "bytes3";
    case 0xe2:
      if (second === 0x80) return "general";
      return second < 0xb0 ? "symbols" : "bytes3";
    case 0xe3:
      return second <= 0x83 ? "kana" : "bytes3";
    case 0xe4:
      return second >= 0xb8 ? "han" : "bytes3";
    case 0xea:
      return second >= 0xb0 ? "hangul" : "bytes3";
    case 0xef:
      if (second === 0xb8) return "variation";
      return second === 0xbc || second === 0xbd ? "fullwidth" : "bytes3";
    default:
      if (first <= 0xdf) return "bytes2";
      if (first <= 0xe9) return "han";
      if (first <= 0xed) return "hangul";
      return first === 0xf0 && second === 0x9f ? "emoji" : first >= 0xf0 ? "bytes4" : "bytes3";
  }
}
