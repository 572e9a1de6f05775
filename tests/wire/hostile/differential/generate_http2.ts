/**
 * Requests over HTTP/2 in frames that are made by hand: bodies cut anywhere, lengths that are true or not.
 */

import { type FuzzCase, TOKEN_A } from "./fuzz_case.ts";
import { blockText, FLAG, frameText } from "./frames.ts";
import type { HpackField } from "./hpack.ts";
import { bodyOf, cut, methodOf, oneIn, pathFor, type Source } from "./ingredients.ts";
import { markerText } from "./marker.ts";
import type { SentRequest } from "./strict_requests.ts";

/** Below every window that a stream begins with. */
const MAX_BODY_BYTES = 30_000;
const MAX_DATA_BYTES = 16_000;

/** Makes what A sends in a case, behind what a client says first. */
export function generateHttp2(
  number: number,
  source: Source,
  behaviours: readonly string[],
): Pick<FuzzCase, "pieces" | "sent" | "oneByOne" | "ending"> {
  const streams = Array.from(
    { length: source.pick([1, 1, 1, 2, 3]) },
    (_, index) => stream(source, { number, index, behaviours }),
  );
  const requests = streams.map(({ request }) => request);
  const texts = streams.map(({ frames }) => frames.join(""));
  const leaves = oneIn(source, 10);
  if (leaves) {
    const text = texts.join("");
    const sent = text.slice(0, 1 + source.below(text.length));
    // How much of each request has come does not matter any more: it may be whole, or not.
    const abandoned = requests.map((request) => ({ ...request, isAbandoned: true }));
    return {
      pieces: cut(source, sent),
      sent: { requests: abandoned, end: "incomplete" },
      oneByOne: false,
      ending: "leaves",
    };
  }
  const oneByOne = oneIn(source, 2);
  return {
    pieces: oneByOne ? texts : cut(source, interleaved(source, streams.map(({ frames }) => frames)).join("")),
    sent: { requests, end: "clean" },
    oneByOne,
    ending: "waits",
  };
}

interface Stream {
  readonly frames: readonly string[];
  readonly request: SentRequest;
}

function stream(
  source: Source,
  { number, index, behaviours }: { number: number; index: number; behaviours: readonly string[] },
): Stream {
  const id = index * 2 + 1;
  const marker = markerText("A", number, index);
  const method = methodOf(source);
  const target = pathFor(source, { behaviours, method, marker });
  const body = oneIn(source, 3) ? "" : bodyOf(source, { number, index }).slice(0, MAX_BODY_BYTES);
  const contentType = source.pick(["", "", "application/json", "text/plain"]);
  const lengths = lengthsFor(source, body.length);
  const extra = oneIn(source, 12) ? source.pick(BROKEN_FIELDS) : source.pick(PROPER_FIELDS);
  const isBroken = BROKEN_FIELDS.includes(extra);
  const fields: HpackField[] = [
    [":method", method],
    [":scheme", "https"],
    [":path", target],
    [":authority", "p"],
    ["x-marker", marker],
    ["authorization", `Bearer ${TOKEN_A}`],
    ...(contentType === "" ? [] : [["content-type", contentType] as const]),
    ...lengths.map((value) => ["content-length", value] as const),
    ...extra,
  ];
  const [length] = lengths;
  const isTrue = lengths.length <= 1 &&
    (length === undefined || /^\d{1,15}$/.test(length) && Number(length) === body.length);
  const isReset = oneIn(source, 16);
  const frames = framesOf(source, { id, fields, body });
  const sent = isReset && oneIn(source, 2) ? frames.slice(0, 1 + source.below(frames.length)) : frames;
  const reset = frameText("reset", { stream: id, payload: "\0\0\0\x08" });
  return {
    frames: isReset ? [...sent, reset] : sent,
    request: {
      method,
      target,
      marker,
      contentType,
      body,
      // A body that has its length is whole before its stream has ended.
      isWhole: isTrue && !isBroken && (sent.length === frames.length || length !== undefined),
      claimedLength: lengths.length === 1 && Number(length) < body.length ? Number(length) : undefined,
      mayBegin: !isBroken,
      isAbandoned: isReset,
      // The runtime shows no body of these methods, nor where a length of zero is claimed.
      bodyMayBeHidden: method === "GET" || method === "HEAD" || Number(length) === 0,
    },
  };
}

const PROPER_FIELDS: readonly (readonly HpackField[])[] = [
  [],
  [],
  [["te", "trailers"]],
  [["expect", "100-continue"]],
  [["trailer", "x-trailer"]],
  [["x-repeated", "1"], ["x-repeated", "2"]],
  [["x-latin", "caf\xe9"]],
  [["cookie", "a=1"], ["cookie", "b=2"]],
  [["content_length", "3"]],
  [["host", "p"]],
  [["x-empty", ""]],
];

/** RFC 9113, 8.2: a request with one of these is malformed. */
const BROKEN_FIELDS: readonly (readonly HpackField[])[] = [
  [["connection", "close"]],
  [["connection", "content-length"]],
  [["transfer-encoding", "chunked"]],
  [["keep-alive", "timeout=5"]],
  [["proxy-connection", "keep-alive"]],
  [["upgrade", "h2c"]],
  [["te", "chunked"]],
  [["X-Capital", "1"]],
  [[":path", "/e/echo/other"]],
  [[":unknown", "1"]],
];

function lengthsFor(source: Source, length: number): string[] {
  if (oneIn(source, 5)) {
    return source.pick([
      [String(length + 1 + source.below(60))],
      [String(length + 1 + source.below(60))],
      [String(source.below(length + 1))],
      [`0${length}`],
      [`+${length}`],
      [`${length}, ${length}`],
      [String(length), String(length)],
      [String(length), "0"],
      ["0"],
      [""],
      ["99999999999999999999"],
    ]);
  }
  return oneIn(source, 2) ? [] : [String(length)];
}

function framesOf(
  source: Source,
  { id, fields, body }: { id: number; fields: readonly HpackField[]; body: string },
): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < body.length;) {
    const size = Math.min(
      oneIn(source, 2) ? body.length - at : 1 + source.below(body.length - at),
      MAX_DATA_BYTES,
    );
    pieces.push(body.slice(at, at + size));
    at += size;
  }
  // Frames without a byte may stand anywhere.
  for (let empty = source.pick([0, 0, 0, 1, 1, 2]); empty > 0; empty--) {
    pieces.splice(source.below(pieces.length + 1), 0, "");
  }
  const hasTrailers = oneIn(source, 8);
  const frames = headFrames(source, { id, fields, endsStream: pieces.length === 0 && !hasTrailers });
  for (const [at, piece] of pieces.entries()) {
    frames.push(dataFrame(source, { id, piece, endsStream: at === pieces.length - 1 && !hasTrailers }));
  }
  if (hasTrailers) {
    const trailers = source.pick<readonly HpackField[]>([
      [["x-trailer", "1"]],
      [["content-length", "5"]],
      [["x-marker", "trailer"], ["content-type", "text/trailer"]],
    ]);
    const flags = FLAG.endStream | FLAG.endHeaders;
    frames.push(frameText("headers", { flags, stream: id, payload: blockText(trailers) }));
  }
  return frames;
}

/** Frames of a head stay together: nothing may come between them. */
function headFrames(
  source: Source,
  { id, fields, endsStream }: { id: number; fields: readonly HpackField[]; endsStream: boolean },
): string[] {
  const block = blockText(fields);
  const end = endsStream ? FLAG.endStream : 0;
  if (!oneIn(source, 6)) {
    return [frameText("headers", { flags: end | FLAG.endHeaders, stream: id, payload: block })];
  }
  const at = source.below(block.length);
  return [
    frameText("headers", { flags: end, stream: id, payload: block.slice(0, at) }) +
    frameText("continuation", { flags: FLAG.endHeaders, stream: id, payload: block.slice(at) }),
  ];
}

function dataFrame(
  source: Source,
  { id, piece, endsStream }: { id: number; piece: string; endsStream: boolean },
): string {
  const end = endsStream ? FLAG.endStream : 0;
  if (!oneIn(source, 6)) return frameText("data", { flags: end, stream: id, payload: piece });
  const padding = source.below(20);
  const payload = String.fromCharCode(padding) + piece + "\0".repeat(padding);
  return frameText("data", { flags: end | FLAG.padded, stream: id, payload });
}

/** The frames of several streams, each stream's own in their order; streams are opened in theirs. */
function interleaved(source: Source, streams: readonly (readonly string[])[]): string[] {
  const waiting = streams.map((frames) => [...frames]);
  const mixed: string[] = [];
  let opened = 0;
  while (waiting.some((frames) => frames.length > 0)) {
    const choices = waiting.filter((frames, index) => frames.length > 0 && index <= opened);
    const chosen = source.pick(choices);
    if (waiting.indexOf(chosen) === opened) opened++;
    const [frame = ""] = chosen.splice(0, 1);
    mixed.push(frame);
  }
  return mixed;
}
