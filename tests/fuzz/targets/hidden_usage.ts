/** Usage that is taken out of streams against a reading of the whole stream. */

import { HiddenUsage } from "../../../src/forwarding/stream_usage/hidden_usage.ts";
import { readUpTo } from "../../../src/streams/read_whole.ts";
import { jsonMembers } from "../../../src/payload/json_members.ts";
import { latin1 } from "../../support/clients/byte_input.ts";
import { type FuzzTarget, holds, inPieces, latin1Text, type Random, same, utf8 } from "../target.ts";
import { type NaiveEvent, naiveEvents } from "./event_stream.ts";
import { golden, JSON_WORDS } from "./json_seeds.ts";
import { bodyInPieces } from "./pieces.ts";

const BYTE_ORDER_MARK = /^\xef\xbb\xbf/;

async function readIn(pieces: readonly Uint8Array[]): Promise<string> {
  const { bytes } = await readUpTo(new HiddenUsage(bodyInPieces(pieces)), 1 << 24);
  return latin1Text(bytes);
}

async function check(input: Uint8Array, chance: Random): Promise<string> {
  const whole = await readIn([input]);
  same(await readIn(inPieces(input, chance)), whole, "pieces matter");
  const stream = latin1Text(input);
  const text = stream.replace(BYTE_ORDER_MARK, "");
  const isMarked = text !== stream;
  if (isMarked) holds(BYTE_ORDER_MARK.test(whole), "a byte order mark stays");
  const out = isMarked ? whole.replace(BYTE_ORDER_MARK, "") : whole;
  if (!text.includes('usage"') && !text.includes("\\u00")) {
    same(out, text, "a stream without usage is changed");
  }
  const kept = toldEvents(text).filter((event) => !isLeftOut(event));
  const told = toldEvents(out);
  same(told.length, kept.length, "events that are left");
  let changed = 0;
  for (const [index, event] of kept.entries()) {
    const other = told[index];
    holds(other !== undefined, "an event is left");
    if (compare(event, other)) changed++;
  }
  return `${Math.min(kept.length, 4)} ${Math.min(changed, 3)} ${
    Math.min(toldEvents(text).length - kept.length, 3)
  }`;
}

/** Without empty lines: two of them become one line end, CR LF, where what was between them is left out. */
function toldEvents(stream: string): NaiveEvent[] {
  return naiveEvents(stream, { hasMark: false }).filter(({ raw }) => !/^[\r\n]*$/.test(raw));
}

/** The object of an event's only line of data, if the strict reader knows it. */
function objectOf({ data }: NaiveEvent): Record<string, unknown> | undefined {
  // A line `data` alone is an empty line of it.
  const [line, ...others] = data.filter((one) => one !== "");
  if (line === undefined || others.length > 0 || jsonMembers(latin1(line)) === undefined) return undefined;
  return JSON.parse(new TextDecoder("utf-8", { ignoreBOM: true }).decode(latin1(line)));
}

function isLeftOut(event: NaiveEvent): boolean {
  const { usage = null, choices } = objectOf(event) ?? {};
  return usage !== null && Array.isArray(choices) && choices.length === 0;
}

/** Whether an event was changed, as it has to be. */
function compare(event: NaiveEvent, other: NaiveEvent): boolean {
  const before = objectOf(event);
  if (before === undefined || !Object.hasOwn(before, "usage") || !hasOwnPlace(before)) {
    same(plainEnd(other.raw), plainEnd(event.raw), "an event that tells no usage is changed");
    return false;
  }
  const { usage: _, ...expected } = before;
  const after = objectOf(other);
  same(after, expected, "an event without its usage");
  same(other.raw.slice(0, event.dataAt), event.raw.slice(0, event.dataAt), "what stands before the data");
  return true;
}

/** The same holds for the end of an event in CR. */
function plainEnd(raw: string): string {
  return raw.replace(/[\r\n]+$/, "\n");
}

/** What has no choices at all, and tells usage, is an error or something else that the client shall see. */
function hasOwnPlace(object: Record<string, unknown>): boolean {
  return object.usage === null || Object.hasOwn(object, "choices");
}

const USAGE = '"usage":{"total_tokens":3}';

/** Streams of completions. */
export const target: FuzzTarget = {
  name: "hidden_usage",
  seeds: [
    ...golden(".sse", 1_500),
    ...[
      `data: {"choices":[{"delta":{"content":"a"}}],"usage":null}\n\ndata: {"choices":[],${USAGE}}\n\ndata: [DONE]\n\n`,
      `data: {${USAGE},"choices":[1]}\r\n\r\n: ping\r\rdata:{"usage" : null }\n\n`,
      `event: x\ndata: {"error":{},${USAGE}}\n\ndata: {"choices":[ ],"usage":null,"a":1}`,
      `\ufeffdata: {"choices":[],${USAGE}}\n\n`,
      `data: {"choices":[1],"us\\u0061ge":{}}\n\n`,
    ].map(utf8),
  ],
  words: [
    ...JSON_WORDS,
    "\n\n",
    "\r\n",
    "\r\n\r\n",
    "\r",
    "data:",
    "data: ",
    "\ndata: ",
    "data",
    ": ping\n\n",
    "event: x\n",
    "data: [DONE]\n\n",
    `data: {"choices":[],${USAGE}}\n\n`,
    `,${USAGE}`,
    `${USAGE},`,
    '"usage":null,',
    ',"usage" : null ',
    '"choices":[1],',
    "\xef\xbb\xbf",
  ],
  check,
  read: (input) => readIn([input]),
};
