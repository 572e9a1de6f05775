import { JsonReader, type JsonSpan, JsonSyntaxError, jsonText } from "./json_reader.ts";

/** A member of an object: its key, and where it is in the text. */
export interface Member extends JsonSpan {
  readonly key: string;
}

interface OuterMember {
  readonly key: string | undefined;
}

/** {@link jsonMembers} reads a text without pause, so it does not read longer texts. In bytes. */
export const MAX_MEMBERS_BYTES = 64 * 1024;

/**
 * The members of the outermost object, repeated keys included; `undefined` for a text that is not one JSON
 * object, or is longer than {@link MAX_MEMBERS_BYTES}. Gives spans of bytes instead of values, because
 * parsing and writing would change numbers beyond 2^53, repeated keys and white space. Needs the whole text,
 * unlike `JsonScanner`, which reads values out of pieces and knows no spans.
 */
export function jsonMembers(bytes: Uint8Array): Member[] | undefined {
  if (bytes.length > MAX_MEMBERS_BYTES) return undefined;
  const members: Member[] = [];
  const root: OuterMember = { key: undefined };
  const reader = new JsonReader<OuterMember>(bytes, {
    root,
    enter: (parent, key) => parent === root ? { key } : undefined,
    ended(place, span) {
      if (place.key !== undefined) members.push({ key: place.key, ...span });
    },
  });
  try {
    reader.step(bytes.length + 1);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
  return bytes[firstByte(bytes)] === OPEN_BRACE ? members : undefined;
}

/** The value of a JSON string; `undefined` for any other value. */
export function textValue(
  bytes: Uint8Array,
  { start, end }: Pick<JsonSpan, "start" | "end">,
): string | undefined {
  return bytes[start] === QUOTE ? jsonText(bytes.subarray(start, end)) : undefined;
}

/** The index of the first byte that is not white space. */
export function firstByte(bytes: Uint8Array): number {
  let at = 0;
  while (BLANK.has(bytes[at] ?? 0)) at++;
  return at;
}

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
/** Space, tab, line feed, carriage return. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
