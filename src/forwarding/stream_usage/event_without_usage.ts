/** Removes usage from one event of a stream. */

import { concat } from "../../streams/bytes.ts";
import { jsonMembers, type Member } from "../../payload/json_members.ts";

const LF = 0x0a;
const SPACE = 0x20;
const CR = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NAME = new TextEncoder().encode('"usage"');
/** The beginnings of escapes of letters in `usage`. */
const ESCAPES = ["\\u006", "\\u007"].map((text) => new TextEncoder().encode(text));
const DATA = new TextEncoder().encode("data:");

/** The event without its usage. `undefined` if the client gets no event. */
export function withoutUsage(event: Uint8Array): Uint8Array | undefined {
  const data = dataOf(event);
  if (data === undefined || !mayHaveUsage(event)) return event;
  const text = event.subarray(data.start, data.end);
  const members = jsonMembers(text);
  // Readers take the last of several members with the same name.
  const usage = members?.findLast(({ key }) => key === "usage");
  if (members === undefined || usage === undefined) return event;
  const choices = members.findLast(({ key }) => key === "choices");
  const value = valueOf(text, usage);
  // An event without `choices` is of another kind, such as an error that states its usage.
  if (choices === undefined && value !== "null") return event;
  if (value !== "null" && /^\[\s*\]$/.test(valueOf(text, choices))) return undefined;
  const left: Uint8Array[] = [event.subarray(0, data.start)];
  let at = 0;
  for (const [from, to] of usageSpans(members)) {
    left.push(text.subarray(at, from));
    at = to;
  }
  return concat([...left, event.subarray(data.start + at)]);
}

/** The only line of data that is not blank. `undefined` if the event has none, or several. */
function dataOf(event: Uint8Array): { start: number; end: number } | undefined {
  let found: { start: number; end: number } | undefined;
  let start = 0;
  while (start < event.length) {
    let end = start;
    while (end < event.length && event[end] !== LF && event[end] !== CR) end++;
    const isBlank = end - start <= DATA.length || end - start === DATA.length + 1 && event[end - 1] === SPACE;
    if (!isBlank && DATA.every((byte, index) => event[start + index] === byte)) {
      if (found !== undefined) return undefined;
      found = { start: start + DATA.length, end };
    }
    start = end + 1;
  }
  return found;
}

/**
 * The ranges of all members `usage`, each with the comma before it, or after it where no member remains
 * before it.
 */
function usageSpans(members: readonly Member[]): [from: number, to: number][] {
  const spans: [from: number, to: number][] = [];
  let isFirst = true;
  for (const [index, { key, keyStart, end }] of members.entries()) {
    if (key !== "usage") isFirst = false;
    else if (isFirst) spans.push([keyStart, members[index + 1]?.keyStart ?? end]);
    else spans.push([members[index - 1]?.end ?? keyStart, end]);
  }
  return spans;
}

function valueOf(text: Uint8Array, member: Member | undefined): string {
  return member === undefined ? "" : new TextDecoder().decode(text.subarray(member.start, member.end));
}

/** Whether an event may contain the name `usage`, plainly or with an escape of one of its letters. */
function mayHaveUsage(event: Uint8Array): boolean {
  for (let at = 0; at < event.length; at++) {
    const byte = event[at];
    if (byte === QUOTE && hasAt(event, NAME, at)) return true;
    if (byte === BACKSLASH && ESCAPES.some((escape) => hasAt(event, escape, at))) return true;
  }
  return false;
}

function hasAt(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  let index = 0;
  while (index < wanted.length && bytes[at + index] === wanted[index]) index++;
  return index === wanted.length;
}
