/** A YAML file of another program. It records which of its values were read, and lists the others. */

import { LineCounter, parseDocument } from "yaml";
import { harmlessText } from "../../text/harmless_text.ts";
import { CommandError } from "../command_error.ts";

/** The longest place in a note, in characters. */
const MAX_PLACE = 200;
/** The longest explanation in a note, in characters. */
const MAX_NOTE = 500;
/** The most references to anchors in a file. Otherwise a few lines with anchors could become gigabytes. */
const MAX_ALIASES = 1_000;

type Path = readonly (string | number)[];

/** The file, its values, and the notes of the import about the values. */
export class Source {
  readonly #name: string;
  readonly #lineOf: (path: Path) => number | undefined;
  readonly #used = new Set<string>();
  /** The paths of the values that were read, and of the tables and lists around them. */
  readonly #touched = new Set<string>();
  /** The paths of the values that were left out completely. */
  readonly #leftOut = new Set<string>();
  readonly #notes: { readonly line: number; readonly text: string }[] = [];
  /** The whole file as its outermost item. */
  readonly root: Item;

  /** Parses the file. Throws a {@link CommandError} if it is not YAML. */
  constructor(name: string, text: string) {
    this.#name = name;
    const lines = new LineCounter();
    const document = parseDocument(text, { lineCounter: lines, merge: true, logLevel: "silent" });
    const [error] = document.errors;
    if (error !== undefined) {
      const line = lines.linePos(error.pos[0]).line;
      // The message of the parser quotes lines of the file, which may contain keys. So it is left out.
      throw new CommandError(`${name}:${line}: this is not valid YAML (${error.code}).`, 2);
    }
    this.#lineOf = (path) => {
      const node = path.length === 0 ? document.contents : document.getIn(path, true);
      const range = typeof node === "object" && node !== null && "range" in node ? node.range : undefined;
      return Array.isArray(range) && typeof range[0] === "number" ? lines.linePos(range[0]).line : undefined;
    };
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch {
      throw new CommandError(`${name}: the anchors of this file refer to each other too often.`, 2);
    }
    this.root = new Item(this, [], value);
  }

  /** Returns the notes in the order of lines, each with its place. They contain no values of the file. */
  notes(): string[] {
    const unread = this.#unread(this.root).map((item) => this.#note(item, "has no counterpart"));
    return [...this.#notes, ...unread].toSorted((a, b) => a.line - b.line).map(({ text }) => text);
  }

  /** Adds a note about a value. */
  addNote(item: Item, text: string): void {
    this.#notes.push(this.#note(item, text));
  }

  /** Marks a value as read. With `isWhole`, all values inside it are marked as read too. */
  markUsed({ path }: Item, isWhole = false): void {
    this.#used.add(JSON.stringify(path));
    if (isWhole) this.#leftOut.add(JSON.stringify(path));
    for (let length = path.length; length > 0; length--) {
      const key = JSON.stringify(path.slice(0, length));
      // The tables and lists around a marked value are already marked.
      if (this.#touched.has(key)) break;
      this.#touched.add(key);
    }
  }

  #note(item: Item, text: string): { line: number; text: string } {
    let { path } = item;
    let line = this.#lineOf(path);
    while (line === undefined && path.length > 0) {
      path = path.slice(0, -1);
      line = this.#lineOf(path);
    }
    const place = harmlessText(`${this.#name}:${line ?? 1}: ${item.name}`, MAX_PLACE);
    return { line: line ?? 1, text: `${place}: ${harmlessText(text, MAX_NOTE)}` };
  }

  /** Returns the outermost values of which no part was read. */
  #unread(item: Item): Item[] {
    const key = JSON.stringify(item.path);
    if (this.#leftOut.has(key) || item.isEmpty) return [];
    const children = item.children();
    if (children.length === 0) return this.#used.has(key) ? [] : [item];
    const isTouched = item.path.length === 0 || this.#touched.has(key);
    return isTouched ? children.flatMap((child) => this.#unread(child)) : [item];
  }
}

/** A value of the file with its place. There are also items for missing values. */
export class Item {
  readonly #source: Source;
  readonly #value: unknown;
  readonly path: Path;

  constructor(source: Source, path: Path, value: unknown) {
    this.#source = source;
    this.path = path;
    this.#value = value;
  }

  /** Whether the value is missing, null, or an empty list or table. */
  get isEmpty(): boolean {
    return this.#value === undefined || this.#value === null ||
      typeof this.#value === "object" && Object.keys(this.#value).length === 0;
  }

  /** The names that lead to the value: `model_list[0].litellm_params.rpm`. */
  get name(): string {
    const [first = "the file", ...rest] = this.path;
    return String(first) + rest.map((part) => typeof part === "number" ? `[${part}]` : `.${part}`).join("");
  }

  /** Returns the member of a table with a name. An empty item if the table has no such member. */
  key(name: string): Item {
    const value = isTable(this.#value) && Object.hasOwn(this.#value, name) ? this.#value[name] : undefined;
    return new Item(this.#source, [...this.path, name], value);
  }

  /** Returns the first of several members that is set. It is for members whose names changed over time. */
  firstOf(...names: readonly string[]): Item {
    return names.map((name) => this.key(name)).find((item) => !item.isEmpty) ?? this.key(names[0] ?? "");
  }

  /** Returns the members of a table. Empty for other values. */
  entries(): (readonly [name: string, item: Item])[] {
    if (!isTable(this.#value)) return [];
    return Object.keys(this.#value).map((name) => [name, this.key(name)]);
  }

  /** Returns the items of a list. Empty for other values. */
  items(): Item[] {
    if (!Array.isArray(this.#value)) return [];
    return this.#value.map((value, index) => new Item(this.#source, [...this.path, index], value));
  }

  /** Returns the members of a table, or the items of a list. */
  children(): Item[] {
    return [...this.entries().map(([, item]) => item), ...this.items()];
  }

  /** Returns the value as a text. `undefined` if it is missing, a list or a table. */
  text(): string | undefined {
    if (this.#value === null || !["string", "number", "boolean"].includes(typeof this.#value)) {
      return undefined;
    }
    this.#source.markUsed(this);
    return String(this.#value);
  }

  /** Returns the value as a number. `undefined` if it is missing or not a number. */
  number(): number | undefined {
    const text = this.text();
    const value = text === undefined || text.trim() === "" ? NaN : Number(text.replaceAll("_", ""));
    return Number.isFinite(value) ? value : undefined;
  }

  /** Returns the value as a switch. `undefined` if it is missing, or neither true nor false. */
  flag(): boolean | undefined {
    const text = this.text()?.toLowerCase();
    return text === "true" ? true : text === "false" ? false : undefined;
  }

  /** Returns the texts of a list. If the value is a single text, returns it alone. */
  texts(): string[] {
    const only = this.text();
    return only === undefined ? this.items().flatMap((item) => item.text() ?? []) : [only];
  }

  /** Leaves the value out, and adds a note with the reason. Does nothing for a missing value. */
  leaveOut(why: string): void {
    if (this.isEmpty) return;
    this.#source.addNote(this, why);
    this.ignore();
  }

  /** Adds a note about a value that is carried over. */
  addNote(text: string): void {
    this.#source.addNote(this, text);
  }

  /** Leaves the value out without a note, because nothing is lost. */
  ignore(): void {
    this.#source.markUsed(this, true);
  }
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
