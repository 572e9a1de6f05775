/** Text as models write it, token by token. */

import { PIECES } from "./pieces.ts";

/** What a text is made of. */
export type Style = "prose" | "code" | "chinese" | "numbers";

export type Below = (limit: number) => number;

const NUMBERS = ["0", ".", "482", "915", ",", " ", "17", ".", "06", ",", " "];
const STYLES: readonly Style[] = ["prose", "prose", "code", "chinese"];
const MEDIAN_TOKENS = 75;
const LONGEST = 1_500;

/** So many tokens of a text, from anywhere in it. */
export function piecesOf(style: Style, count: number, below: Below): string[] {
  const all = style === "numbers" ? NUMBERS : PIECES[style];
  const from = below(all.length);
  return Array.from({ length: count }, (_, index) => all[(from + index) % all.length] ?? "");
}

/** What a model answers with: a half is prose, the rest code and Chinese. */
export function styleOf(below: Below): Style {
  return STYLES[below(STYLES.length)] ?? "prose";
}

/** A length of an answer: most are short, and some are long (a log-normal distribution). */
export function lengthOf(below: Below): number {
  const uniform = (): number => (below(1_000_000) + 1) / 1_000_001;
  const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return Math.max(1, Math.min(LONGEST, Math.round(MEDIAN_TOKENS * Math.exp(normal))));
}
