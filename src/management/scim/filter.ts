/**
 * Filters of lists and paths of PATCH (RFC 7644, 3.4.2.2 and 3.5.2). Only `eq` and `and` are supported, which
 * directories use. A reader goes once over the text, so its time is in proportion to the length.
 */

import { type ScimType, wrong } from "./scim_error.ts";

/** The longest filter or path, in characters. */
const MAX_LENGTH = 2_000;
/** The most comparisons of a filter. */
const MAX_COMPARISONS = 10;

/** A value that a filter or a path compares an attribute with. */
export type FilterValue = string | number | boolean | null;

/** A comparison within the brackets of a path: `type eq "work"`. The attribute is in small letters. */
export interface Comparison {
  readonly attribute: string;
  readonly value: FilterValue;
}

/**
 * A path like `emails[type eq "work"].value`. Names are in small letters, because their case does not count.
 */
export interface AttributePath {
  /** The schema before the name, like `urn:…:User`; `undefined` without one. */
  readonly schema: string | undefined;
  readonly attribute: string;
  readonly sub: string | undefined;
  /** The comparisons in brackets; empty without brackets. */
  readonly within: readonly Comparison[];
}

/** One condition of a filter. */
export interface FilterTerm {
  readonly path: AttributePath;
  /** `undefined` if the condition is only in the brackets of the path. */
  readonly value: FilterValue | undefined;
}

/** Reads a filter. Throws an `invalidFilter` error. */
export function parseFilter(text: string): readonly FilterTerm[] {
  const reader = new Reader(text, "invalidFilter");
  const terms: FilterTerm[] = [];
  for (;;) {
    const path = reader.path();
    const isWhole = path.within.length > 0 && path.sub === undefined && !reader.isBeforeWord("eq");
    terms.push({ path, value: isWhole ? undefined : reader.equals() });
    if (reader.isAtEnd()) break;
    reader.word("and");
  }
  if (terms.reduce((sum, { path }) => sum + 1 + path.within.length, 0) > MAX_COMPARISONS) {
    throw wrong("invalidFilter", `The filter has more than ${MAX_COMPARISONS} comparisons.`);
  }
  return terms;
}

/** Reads the path of an operation. Throws an `invalidPath` error. */
export function parsePath(text: string): AttributePath {
  const reader = new Reader(text, "invalidPath");
  const path = reader.path();
  if (!reader.isAtEnd()) throw reader.error("has more than a path");
  return path;
}

class Reader {
  readonly #text: string;
  readonly #scimType: ScimType;
  #at = 0;

  constructor(text: string, scimType: ScimType) {
    this.#text = text;
    this.#scimType = scimType;
    if (text.length > MAX_LENGTH) throw this.error(`is longer than ${MAX_LENGTH} characters`);
    this.#space();
  }

  error(what: string): Error {
    const name = this.#scimType === "invalidFilter" ? "filter" : "path";
    const supported = name === "filter" ? ' Supported is: attribute eq "value", joined by and.' : "";
    return wrong(this.#scimType, `The ${name} ${what}, at character ${this.#at + 1}.${supported}`);
  }

  isAtEnd(): boolean {
    this.#space();
    return this.#at === this.#text.length;
  }

  isBeforeWord(word: string): boolean {
    this.#space();
    return this.#text.slice(this.#at, this.#at + word.length).toLowerCase() === word;
  }

  path(): AttributePath {
    const name = this.#take(/(?:urn:[\w.:-]+:)?[a-z$][\w$-]*(?:\.[a-z$][\w$-]*)?/iy);
    if (name === undefined) throw this.error("has no attribute name");
    const [whole, schema] = [name, /^urn:.*(?=:)/i.exec(name)?.[0]];
    const [attribute = "", sub] = (schema === undefined ? whole : whole.slice(schema.length + 1))
      .toLowerCase()
      .split(".");
    const within = sub === undefined && this.#text[this.#at] === "[" ? this.#brackets() : [];
    const after = within.length > 0 ? this.#take(/\.[a-z$][\w$-]*/iy)?.slice(1).toLowerCase() : sub;
    return { schema, attribute, sub: after, within };
  }

  equals(): FilterValue {
    this.word("eq");
    return this.#value();
  }

  word(word: "eq" | "and"): void {
    this.#space();
    if (!/\s/.test(this.#text[this.#at - 1] ?? "")) throw this.error(`has no space before "${word}"`);
    const found = this.#take(/[a-z]+/iy);
    if (found?.toLowerCase() !== word) throw this.error(`has no "${word}" where one is expected`);
    if (this.#take(/\s+/y) === undefined) throw this.error(`has no space after "${word}"`);
  }

  #brackets(): Comparison[] {
    this.#at++;
    const comparisons: Comparison[] = [];
    for (;;) {
      this.#space();
      const attribute = this.#take(/[a-z$][\w$-]*/iy)?.toLowerCase();
      if (attribute === undefined) throw this.error("has no attribute name in its brackets");
      comparisons.push({ attribute, value: this.equals() });
      this.#space();
      if (this.#text[this.#at] === "]") break;
      this.word("and");
    }
    this.#at++;
    return comparisons;
  }

  #value(): FilterValue {
    const literal = this.#take(/"(?:[^"\\]|\\.)*"|true\b|false\b|null\b|-?\d+(?:\.\d+)?\b/iy);
    if (literal === undefined) throw this.error("has no value, such as a text in quotes");
    try {
      // The literal is a string, a number, true, false or null, which are values.
      return JSON.parse(literal.startsWith('"') ? literal : literal.toLowerCase()) as FilterValue;
    } catch {
      throw this.error("has a wrong text in quotes");
    }
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #space(): void {
    this.#take(/\s+/y);
  }
}
