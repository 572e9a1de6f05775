/** Finds the ids of objects in request bodies that the strict readers have accepted. */

import type { Pause } from "../payload/pace.ts";
import { addReferences, type References } from "./object_ids.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
/** The longest string of JSON that is read, in bytes. Each character may be an escape of six bytes. */
const MAX_STRING_BYTES = 64 * 1024;
/** The shortest id. */
const MIN_STRING_BYTES = "files/a".length;
/** The number of ids that are checked at once, so that a batch of many requests takes no memory. */
const IDS_AT_ONCE = 500;
/** The bytes that are read without pause, in some milliseconds at worst. */
const STEP_BYTES = 16 * 1024;
/** The longest id in UTF-16, or encoded twice. */
const OVERLAP_BYTES = 4 * 1024;

/** Checks some of the ids in a body. Throws if the client may not use an object. */
export type CheckReferences = (references: References) => Promise<void>;

const decoder = new TextDecoder();

/**
 * Checks the ids that the strings of a body refer to, keys included. The body is JSON, or with `isFile` a file in a
 * form, of which the text between any two quotes is read.
 */
export async function checkStrings(
  bytes: Uint8Array,
  { isFile, pause, check }: {
    readonly isFile: boolean;
    readonly pause: Pause;
    readonly check: CheckReferences;
  },
): Promise<void> {
  const found: References = new Map();
  let steppedAt = 0;
  // The values of an array belong to the member of the array.
  let member = "";
  for (let at = bytes.indexOf(QUOTE); at !== -1; at = bytes.indexOf(QUOTE, at)) {
    const start = ++at;
    let hasEscapes = false;
    while (at < bytes.length && bytes[at] !== QUOTE) {
      if (bytes[at] === BACKSLASH) {
        hasEscapes = true;
        // A file need not be JSON, so that a backslash there may not belong to the quote after it.
        if (!isFile) at++;
      }
      at++;
    }
    const text = textOf(bytes.subarray(start, at), hasEscapes);
    if (text !== undefined) addReferences(text, found, isFile ? {} : { member });
    if (!isFile && bytes[afterBlanks(bytes, at + 1)] === COLON) member = text ?? "";
    // In a file, a single quote may be data, so that the next string begins at the quote that ended this one.
    if (!isFile) at++;
    if (found.size >= IDS_AT_ONCE) {
      await check(found);
      found.clear();
    }
    if (at - steppedAt > STEP_BYTES) {
      steppedAt = at;
      await pause();
    }
  }
  await check(found);
}

/** Checks the ids that a text of any length refers to, such as a field of a form. */
export async function checkText(
  bytes: Uint8Array,
  { pause, check }: { readonly pause: Pause; readonly check: CheckReferences },
): Promise<void> {
  if (bytes.length < MIN_STRING_BYTES) return;
  const found: References = new Map();
  // Each piece begins with the end of the piece before it, so that one of them has every id whole.
  for (let at = 0; at === 0 || at + OVERLAP_BYTES < bytes.length; at += STEP_BYTES) {
    const text = decoder.decode(bytes.subarray(at, at + STEP_BYTES + OVERLAP_BYTES));
    // Letters in UTF-16 and UTF-32 have zeros between them.
    addReferences(text.includes("\0") ? text.replaceAll("\0", "") : text, found, { isPath: true });
    if (found.size >= IDS_AT_ONCE) {
      await check(found);
      found.clear();
    }
    await pause();
  }
  await check(found);
}

/** The text of a string of JSON. Undefined: it is too short or too long to refer to an object. */
function textOf(bytes: Uint8Array, hasEscapes: boolean): string | undefined {
  if (bytes.length > MAX_STRING_BYTES || bytes.length === 0) return undefined;
  const text = decoder.decode(bytes);
  if (!hasEscapes) return text;
  try {
    return String(JSON.parse(`"${text}"`));
  } catch {
    // In a file, the bytes between two quotes need not be a string of JSON.
    return text;
  }
}

function afterBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++;
  return at;
}
