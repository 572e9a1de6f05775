/** What the client sees of one event of a stream that tells usage. */

import { concat } from "../../streams/bytes.ts";
import { jsonMembers, type Member } from "../../payload/json_members.ts";

const LF = 0x0a;
const SPACE = 0x20;
const CR = 0x0d;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SIGN = new TextEncoder().encode('"usage"');
/** Of the letters of `usage`. */
const ESCAPES = ["\\u006", "\\u007"].map((text) => new TextEncoder().encode(text));
const DATA = new TextEncoder().encode("data:");

/** The event for the client; undefined: there is none. */
export function withoutUsage(event: Uint8Array): Uint8Array | undefined {
  const data = dataOf(event);
  if (data === undefined || !mayTellUsage(event)) return event;
  const text = event.subarray(data.start, data.end);
  const members = jsonMembers(text);
  // Of members with one name readers take the last.
  const usage = members?.findLast(({ key }) => key === "usage");
  if (members === undefined || usage === undefined) return event;
  const choices = members.findLast(({ key }) => key === "choices");
  const said = valueOf(text, usage);
  // What has no choices at all is something else: an error that says what it used.
  if (choices === undefined && said !== "null") return event;
  if (said !== "null" && /^\[\s*\]$/.test(valueOf(text, choices))) return undefined;
  const left: Uint8Array[] = [event.subarray(0, data.start)];
  let at = 0;
  for (const [from, to] of usageSpans(members)) {
    left.push(text.subarray(at, from));
    at = to;
  }
  return concat([...left, event.subarray(data.start + at)]);
}

/** The one line of data that says something; undefined where there are none or several. */
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

/** Each member `usage` with the comma that belongs to it: the one before it, or behind it where nothing is left before. */
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

/** Whether the name of usage can stand in it: as it is, or with an escape of one of its letters. */
function mayTellUsage(event: Uint8Array): boolean {
  for (let at = 0; at < event.length; at++) {
    const byte = event[at];
    if (byte === QUOTE && standsAt(event, SIGN, at)) return true;
    if (byte === BACKSLASH && ESCAPES.some((escape) => standsAt(event, escape, at))) return true;
  }
  return false;
}

function standsAt(bytes: Uint8Array, wanted: Uint8Array, at: number): boolean {
  let index = 0;
  while (index < wanted.length && bytes[at + index] === wanted[index]) index++;
  return index === wanted.length;
}
