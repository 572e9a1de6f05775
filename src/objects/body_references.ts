/** Finds the ids of objects in request bodies that the strict readers have accepted. */

import type { Pause } from "../payload/pace.ts";
import { addReferences, type References } from "./object_ids.ts";
import { decodedString, QuotedTexts } from "./quoted_texts.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
/** The longest string of JSON that is read, in bytes. Each character may be an escape of six bytes. */
const MAX_STRING_BYTES = 64 * 1024;
/** The shortest id. */
const MIN_STRING_BYTES = "files/a".length;
/** The number of ids that are checked at once, so that a batch of many requests takes no memory. */
const IDS_AT_ONCE = 500;
/** The bytes that are read in one turn of the event loop, which takes a few milliseconds at most. */
const STEP_BYTES = 16 * 1024;
/** The longest id in UTF-16, or encoded twice. */
const OVERLAP_BYTES = 4 * 1024;

/** Checks some of the ids in a body. Throws if the client may not use an object. */
export type CheckReferences = (references: References) => Promise<void>;

/** Where a check of a body pauses, and what checks the ids that it finds. */
export interface CheckOptions {
  readonly pause: Pause;
  readonly check: CheckReferences;
  /** Whether the texts in a member of JSON can refer to objects. Absent: those in every member can. */
  readonly isReferring?: (member: string, text: string) => boolean;
  /**
   * Whether an object of JSON in a member has the arguments or the output of a tool, so that nothing in it
   * refers.
   */
  readonly isOfTool?: (member: string) => boolean;
}

const decoder = new TextDecoder();

/**
 * Checks the ids that the strings of a JSON text refer to, keys included. A strict reader has accepted the
 * text, so that each quote begins or ends a string, and the member of a string is the key before it. For
 * other bytes, use {@link checkQuotedTexts}.
 */
export async function checkJsonStrings(bytes: Uint8Array, options: CheckOptions): Promise<void> {
  const found: References = new Map();
  let steppedAt = 0;
  const { isReferring = () => true, isOfTool = () => false } = options;
  // The values of an array belong to the member of the array.
  let member = "";
  const objects = new ToolObjects();
  let readTo = 0;
  for (let at = bytes.indexOf(QUOTE); at !== -1; at = bytes.indexOf(QUOTE, at + 1)) {
    objects.read(bytes.subarray(readTo, at), () => isOfTool(member));
    const start = ++at;
    while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    const string = bytes.subarray(start, at);
    // Of a longer string, only the beginning of an address can refer to an object.
    const text = decodedString(string.subarray(0, MAX_STRING_BYTES));
    if (!objects.isWithin && isReferring(member, text)) addReferences(text, found, { member });
    readTo = at + 1;
    if (bytes[afterBlanks(bytes, at + 1)] === COLON) member = text;
    if (at - steppedAt < STEP_BYTES && found.size < IDS_AT_ONCE) continue;
    steppedAt = at;
    await checkSome(found, options);
  }
  await checkSome(found, options);
}

/** Follows the objects and arrays of a JSON text, to know whether a text is within an object of a tool. */
class ToolObjects {
  #depth = 0;
  /** The depth of the object of the tool. `undefined` outside of one. */
  #toolDepth: number | undefined;

  /** Whether the text is within an object of a tool. */
  get isWithin(): boolean {
    return this.#toolDepth !== undefined;
  }

  /**
   * Reads what is between two strings. `isOfTool` is called for an object that is the value of the last key.
   */
  read(bytes: Uint8Array, isOfTool: () => boolean): void {
    let isValue = false;
    for (const byte of bytes) {
      if (byte === COLON) isValue = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        this.#depth++;
        if (isValue && byte === OPEN_BRACE && isOfTool()) this.#toolDepth ??= this.#depth;
        isValue = false;
      } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
        if (this.#depth === this.#toolDepth) this.#toolDepth = undefined;
        this.#depth--;
      }
    }
  }
}

/**
 * Checks the ids between any two quotes of a file, which need not be JSON. {@link QuotedTexts} can only guess
 * the member of a text, so that texts in every member can refer to objects.
 */
export async function checkQuotedTexts(bytes: Uint8Array, options: CheckOptions): Promise<void> {
  const found: References = new Map();
  const texts = new QuotedTexts((text, member) => addReferences(text, found, { member }));
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    texts.write(bytes.subarray(at, at + STEP_BYTES));
    await checkSome(found, options);
  }
  texts.end();
  await checkSome(found, options);
}

/** Checks the ids that a text of any length refers to, such as a field of a form. */
export async function checkText(bytes: Uint8Array, options: CheckOptions): Promise<void> {
  if (bytes.length < MIN_STRING_BYTES) return;
  const found: References = new Map();
  // Each piece begins with the end of the piece before it, so that one of them has every id whole.
  for (let at = 0; at === 0 || at + OVERLAP_BYTES < bytes.length; at += STEP_BYTES) {
    const text = decoder.decode(bytes.subarray(at, at + STEP_BYTES + OVERLAP_BYTES));
    // Letters in UTF-16 and UTF-32 have zeros between them.
    addReferences(text.includes("\0") ? text.replaceAll("\0", "") : text, found, { isPath: true });
    await checkSome(found, options);
  }
}

async function checkSome(found: References, { pause, check }: CheckOptions): Promise<void> {
  if (found.size > 0) {
    await check(found);
    found.clear();
  }
  await pause();
}

function afterBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}
