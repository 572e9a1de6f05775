import { JsonReader, type JsonSpan, JsonSyntaxError, jsonText } from "./json_reader.ts";

/** A member of an object: its key, and its position in the text. */
export interface Member extends JsonSpan {
  readonly key: string;
}

interface OuterMember {
  readonly key: string | undefined;
}

/** The longest text that {@link jsonMembers} reads, in bytes. It reads a text without a pause. */
export const MAX_MEMBERS_BYTES = 64 * 1024;

/**
 * Returns the members of the outermost object, including repeated keys. `undefined` if the text is not one
 * JSON object, or is longer than {@link MAX_MEMBERS_BYTES}.
 *
 * It returns positions of bytes and not values, because parsing and writing would change numbers beyond 2^53,
 * repeated keys and white space. It needs the whole text. `JsonScanner` reads values out of pieces, but does
 * not know their positions.
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

/** Returns the value of a JSON string. `undefined` for any other value. */
export function textValue(
  bytes: Uint8Array,
  { start, end }: Pick<JsonSpan, "start" | "end">,
): string | undefined {
  return bytes[start] === QUOTE ? jsonText(bytes.subarray(start, end)) : undefined;
}

/** Returns the index of the first byte that is not white space. */
export function firstByte(bytes: Uint8Array): number {
  let at = 0;
  while (BLANK.has(bytes[at] ?? 0)) at++;
  return at;
}

const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
/** The white space of JSON: space, tab, line feed, carriage return. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
