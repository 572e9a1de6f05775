/**
 * A second scanner of JSON texts, for tests: the whole at once, by recursion, one character at a time. It
 * says what `JsonScanner` must report, also of what is cut or is not JSON.
 */

import type { Selection } from "../../../src/payload/json_selection.ts";

/** What a scanner reports: a selected value, a measured value in Latin-1, or the end of a text. */
export type Report =
  | readonly ["value", path: string, value: unknown]
  | readonly ["measured", text: string]
  | readonly ["end"];

type Place = Selection[string] | undefined;

const MAX_DEPTH = 64;
const MAX_VALUE_BYTES = 64 * 1024;
const MAX_KEY_BYTES = 128;
const BLANK = /[ \t\r\n]/;
const SCALAR = /[-+.0-9A-Za-z]/;

/** Nothing more can be read: the text has ended, or is not JSON. */
class Stop extends Error {}

/** What a scanner must report of some texts. `text` has one character for each byte. */
export function referenceReports(text: string, selection: Selection): Report[] {
  const reading = new Reading(text, selection);
  try {
    for (;;) reading.value(selection, "", 0);
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  return reading.reports;
}

class Reading {
  readonly reports: Report[] = [];
  readonly #text: string;
  readonly #root: Selection;
  #at = 0;

  constructor(text: string, root: Selection) {
    this.#text = text;
    this.#root = root;
  }

  /** Reads a value inside of so many open containers. */
  value(place: Place, path: string, depth: number): void {
    const first = this.#next();
    const isMeasured = place === "length" ||
      typeof place === "object" && place[""] !== undefined && /["\-\d]/.test(first);
    if (first === '"') {
      this.#at++;
      const begin = this.#at;
      const isWhole = this.#skipText();
      const content = this.#text.slice(begin, isWhole ? this.#at - 1 : this.#at);
      if (isMeasured && (isWhole || content !== "")) this.reports.push(["measured", content]);
      if (!isWhole) throw new Stop();
      if (place === true) this.#found(path, `"${content}"`);
    } else if (first === "{" || first === "[") {
      if (typeof place === "object" && depth < MAX_DEPTH) return this.#container(place, path, depth);
      this.#whole(place, path, () => this.#skipContainer());
    } else if (SCALAR.test(first)) {
      this.#whole(isMeasured ? "length" : place, path, () => {
        while (this.#at < this.#text.length && SCALAR.test(this.#text.charAt(this.#at))) this.#at++;
        // A number may go on.
        return this.#at < this.#text.length;
      });
    } else throw new Stop();
  }

  /** Reads a value that is selected, measured or skipped as a whole. */
  #whole(place: Place, path: string, skip: () => boolean): void {
    const begin = this.#at;
    const isWhole = skip();
    const raw = this.#text.slice(begin, this.#at);
    if (place === "length") this.reports.push(["measured", raw]);
    if (!isWhole) throw new Stop();
    if (place === true) this.#found(path, raw);
  }

  #container(place: Selection, path: string, depth: number): void {
    const isArray = this.#text.charAt(this.#at++) === "[";
    const close = isArray ? "]" : "}";
    // The scanner accepts a comma before the end.
    while (this.#next() !== close) {
      if (isArray) {
        const isRoot = place === this.#root && place["*"] === undefined;
        this.value(isRoot ? place : place["*"], isRoot ? "" : joined(path, "*"), depth + 1);
      } else {
        const key = this.#key();
        if (this.#next() !== ":") throw new Stop();
        this.#at++;
        this.value(memberOf(place, key), joined(path, key), depth + 1);
      }
      const after = this.#next();
      if (after === ",") this.#at++;
      else if (after !== close) throw new Stop();
    }
    this.#at++;
    if (depth === 0) this.reports.push(["end"]);
  }

  #key(): string {
    if (this.#next() !== '"') throw new Stop();
    const begin = ++this.#at;
    if (!this.#skipText()) throw new Stop();
    const raw = this.#text.slice(begin, this.#at - 1);
    if (raw.length >= MAX_KEY_BYTES || !raw.includes("\\")) return raw;
    try {
      return JSON.parse(`"${decoded(raw)}"`);
    } catch {
      return raw;
    }
  }

  #skipContainer(): boolean {
    for (let depth = 0; this.#at < this.#text.length;) {
      const sign = this.#text.charAt(this.#at++);
      if (sign === "{" || sign === "[") depth++;
      else if (sign === "}" || sign === "]") {
        if (--depth === 0) return true;
      } else if (sign === '"' && !this.#skipText()) return false;
    }
    return false;
  }

  /** Reads the rest of a string with its quote. Returns false if the text ends before. */
  #skipText(): boolean {
    for (; this.#at < this.#text.length; this.#at++) {
      const sign = this.#text.charAt(this.#at);
      if (sign === "\\") this.#at++;
      else if (sign === '"') {
        this.#at++;
        return true;
      }
    }
    this.#at = this.#text.length;
    return false;
  }

  /** The next character that is not white space. */
  #next(): string {
    while (BLANK.test(this.#text.charAt(this.#at))) this.#at++;
    if (this.#at >= this.#text.length) throw new Stop();
    return this.#text.charAt(this.#at);
  }

  #found(path: string, raw: string): void {
    if (raw.length > MAX_VALUE_BYTES) return;
    try {
      this.reports.push(["value", path, JSON.parse(decoded(raw))]);
    } catch {
      // It is not JSON.
    }
  }
}

function memberOf(place: Selection, key: string): Place {
  return key !== "" && key !== "*" && Object.hasOwn(place, key) ? place[key] : undefined;
}

function joined(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

/** The text of bytes in UTF-8, which are given one character each. */
function decoded(raw: string): string {
  return new TextDecoder().decode(Uint8Array.from(raw, (sign) => sign.charCodeAt(0)));
}
