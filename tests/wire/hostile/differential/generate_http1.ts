/** Requests over HTTP/1.1, pipelined, mostly proper, with tricks in every part. */

import { type FuzzCase, TOKEN_A } from "./fuzz_case.ts";
import { bodyOf, cut, methodOf, oneIn, pathFor, type Source } from "./ingredients.ts";
import { markerText } from "./marker.ts";
import { sentRequests } from "./strict_requests.ts";

/**
 * In bytes that are changed at random, these are left alone: they tell whose request it is, and let it in.
 */
const UNTOUCHED = /m[ABDS]\.\d+\.\d+\.z|Bearer [\w-]+/g;

/** Makes what A sends in a case. */
export function generateHttp1(
  number: number,
  source: Source,
  behaviours: readonly string[],
): Pick<FuzzCase, "pieces" | "sent" | "oneByOne" | "ending"> {
  const count = source.pick([1, 1, 1, 2, 2, 3, 4]);
  const tricks = source.pick([2, 4, 8, 16, 64]);
  const requests = Array.from(
    { length: count },
    (_, index) => requestText(source, { number, index, behaviours, tricks }),
  );
  let text = requests.join("");
  if (oneIn(source, 12)) text = mutated(source, text);
  const ending = source.pick(
    ["waits", "waits", "waits", "waits", "waits", "waits", "half-closes", "leaves"] as const,
  );
  if (ending !== "waits" && oneIn(source, 2)) text = text.slice(0, 1 + source.below(text.length));
  return { pieces: cut(source, text), sent: sentRequests(text), oneByOne: false, ending };
}

interface Wanted {
  readonly number: number;
  readonly index: number;
  readonly behaviours: readonly string[];
  /** One part in so many is a trick. */
  readonly tricks: number;
}

function requestText(source: Source, { number, index, behaviours, tricks }: Wanted): string {
  const marker = markerText("A", number, index);
  const method = methodOf(source);
  const path = pathFor(source, { behaviours, method, marker });
  const isTrick = () => oneIn(source, tricks * 2);
  const target = isTrick() ? source.pick(["http://evil.test", "HTTPS://p", "http://"]) + path : path;
  const version = isTrick()
    ? source.pick(["HTTP/1.0", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0", "http/1.1"])
    : "HTTP/1.1";
  const host = oneIn(source, tricks * 8)
    ? source.pick(["", "Host: p\r\nHost: p\r\n", "Host: p/x\r\n", "Host:\r\n", "Host : p\r\n"])
    : "Host: p\r\n";
  const fields = [
    `X-Marker: ${marker}\r\n`,
    `Authorization: Bearer ${TOKEN_A}\r\n`,
    ...Array.from({ length: source.below(4) }, () => fieldLine(source, { marker, isTrick: isTrick() })),
  ];
  const { lines, framed } = framedBody(source, { number, index, method, isTrick });
  // A framing field may stand anywhere among the others.
  fields.splice(source.below(fields.length + 1), 0, lines);
  return `${method} ${target} ${version}\r\n${host}${fields.join("")}\r\n${framed}`;
}

const FIELDS = [
  "Content-Type: application/json\r\n",
  "content-type: text/plain\r\n",
  "Accept: */*\r\n",
  "Expect: 100-continue\r\n",
  "Connection: keep-alive\r\n",
  "Connection: close\r\n",
  "Connection: content-type\r\n",
  "Connection: x-marker\r\n",
  "Connection: content-length\r\n",
  "Connection: transfer-encoding\r\n",
  "CONNECTION: Content-Length, Content-Type , x-marker\r\n",
  "Connection: host, content-length\r\n",
  "Connection: expect\r\n",
  "Keep-Alive: timeout=5\r\n",
  "Proxy-Connection: keep-alive\r\n",
  "TE: trailers\r\n",
  "TE: chunked, trailers\r\n",
  "Trailer: x-trailer\r\n",
  "X-Empty:\r\n",
  "X-Tabs:\t1\t\r\n",
  "X-Repeated: 1\r\nX-Repeated: 2\r\n",
  "X-Latin: caf\xe9 \xff\r\n",
  "X_Other: 1\r\n",
  "Content_Length: 3\r\n",
  "Transfer_Encoding: chunked\r\n",
  "Content-Encoding: gzip\r\n",
  "Upgrade: h2c\r\n",
  "Upgrade: websocket\r\nConnection: upgrade\r\n",
  "X-HTTP-Method-Override: DELETE\r\n",
];

const TRICK_FIELDS = [
  "X-Folded: 1\r\n folded: 2\r\n",
  "X-Folded: 1\r\n\tContent-Length: 5\r\n",
  "X-Bare: 1\nX-Line: 2\r\n",
  "X-Bare: 1\n\r\n",
  "X-Return: 1\rX-Line: 2\r\n",
  "X-Nul: \x00\r\n",
  "X Space: 1\r\n",
  "X-Space : 1\r\n",
  " X-Leading: 1\r\n",
  ": no name\r\n",
  "no colon\r\n",
  "Content-Length\r\n",
  "Expect: 200-ok\r\n",
  "Expect: 100-continue, x\r\n",
  "Connection: close, keep-alive\r\n",
  "Connection: \x0bclose\r\n",
  "X-Control: \x08\x1b\r\n",
  "X-\xe9: 1\r\n",
  "Transfer-Encoding\x0b: chunked\r\n",
  "\x00Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding:\n chunked\r\n",
];

function fieldLine(source: Source, { marker, isTrick }: { marker: string; isTrick: boolean }): string {
  if (isTrick) return source.pick(TRICK_FIELDS);
  return oneIn(source, 20) ? `x-marker: ${marker}\r\n` : source.pick(FIELDS);
}

interface Framed {
  /** The lines of the head that say where the body ends. */
  readonly lines: string;
  readonly framed: string;
}

function framedBody(
  source: Source,
  { number, index, method, isTrick }: {
    number: number;
    index: number;
    method: string;
    isTrick: () => boolean;
  },
): Framed {
  const usuallyNone = method === "GET" || method === "HEAD" || method === "OPTIONS";
  const isBare = usuallyNone ? !oneIn(source, 3) : oneIn(source, 4);
  if (isBare && !isTrick()) return { lines: "", framed: "" };
  const body = oneIn(source, 8) ? "" : bodyOf(source, { number, index });
  const { length } = body;
  const name = source.pick(["Content-Length", "content-length", "CONTENT-LENGTH"]);
  if (oneIn(source, 2)) {
    const lines = isTrick() ? trickLength(source, { name, length }) : `${name}: ${length}\r\n`;
    return { lines, framed: body };
  }
  const chunks = chunked(source, body, isTrick);
  if (!isTrick()) {
    const coding = source.pick(["Transfer-Encoding", "transfer-encoding"]);
    return {
      lines: `${coding}: ${source.pick(["chunked", "chunked", "Chunked", " chunked "])}\r\n`,
      framed: chunks,
    };
  }
  return { lines: trickCoding(source, { name, length, wire: chunks.length }), framed: chunks };
}

function trickLength(source: Source, { name, length }: { name: string; length: number }): string {
  const more = length + 1 + source.below(60);
  const less = source.below(length + 1);
  const value = (text: string) => `${name}: ${text}\r\n`;
  return source.pick([
    value(`+${length}`),
    value(`-${length}`),
    value(`0${length}`),
    value(`0000000${length}`),
    value(`${length} `),
    value(`\t${length}`),
    value(`\x0b${length}`),
    value(`${length}\x00`),
    value(`${length}, ${length}`),
    value(`${length},${more}`),
    value(`0x${length.toString(16)}`),
    value(`${length}.0`),
    value(`1e${length}`),
    value(`${length}_0`),
    value(""),
    value("99999999999999999999"),
    value("18446744073709551616"),
    value(String(more)),
    value(String(more)),
    value(String(less)),
    value(String(less)),
    value(String(length)) + value(String(length)),
    value(String(length)) + value(String(more)),
    value("0") + value(String(length)),
    value(String(length)) + value("0"),
    `${name} : ${length}\r\n`,
    `${name}:${length}\r\n`,
    `${name}:\r\n ${length}\r\n`,
    "",
  ]);
}

function trickCoding(
  source: Source,
  { name, length, wire }: { name: string; length: number; wire: number },
): string {
  const coding = (text: string) => `Transfer-Encoding: ${text}\r\n`;
  return source.pick([
    coding("chunked, chunked"),
    coding("gzip, chunked"),
    coding("chunked, gzip"),
    coding("identity"),
    coding("chunked, identity"),
    coding("xchunked"),
    coding("chunked;q=1"),
    coding('"chunked"'),
    coding("\x0bchunked"),
    coding("chunked\x00"),
    coding("chunk\x65d,"),
    coding(",chunked"),
    coding(""),
    coding("chunked") + coding("chunked"),
    coding("chunked") + coding("identity"),
    coding("identity") + coding("chunked"),
    coding("chunked") + `${name}: ${length}\r\n`,
    coding("chunked") + `${name}: ${wire}\r\n`,
    coding("chunked") + `${name}: 0\r\n`,
    `${name}: ${wire}\r\n` + coding("chunked"),
    `${name}: 4\r\n` + coding("chunked"),
    "Transfer-Encoding : chunked\r\n",
    "Transfer-Encoding:chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Transfer_Encoding: chunked\r\n",
    "X: 1\nTransfer-Encoding: chunked\r\n",
  ]);
}

function chunked(source: Source, body: string, isTrick: () => boolean): string {
  let text = "";
  for (let at = 0; at < body.length;) {
    const size = oneIn(source, 3) ? body.length - at : 1 + source.below(Math.min(body.length - at, 5_000));
    const piece = body.slice(at, at + size);
    at += size;
    text += isTrick() ? trickChunk(source, piece) : plainChunk(source, piece);
  }
  if (isTrick()) {
    return text + source.pick([
      "0\r\n",
      "",
      "0\n\n",
      "0\r\n\n",
      "0\r\nX: 1\n\r\n",
      "00000000000000000\r\n\r\n",
      "0\r\n X: 1\r\n\r\n",
      "0\r\nno colon\r\n\r\n",
      "0 \r\n\r\n",
      "-0\r\n\r\n",
      "\r\n0\r\n\r\n",
      "0;\x00\r\n\r\n",
    ]);
  }
  const trailers = source.pick([
    "",
    "",
    "",
    "X-Trailer: 1\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\nX-Marker: trailer\r\n",
    "Host: evil.test\r\nConnection: close\r\n",
  ]);
  return `${text}${source.pick(["0", "0", "0", "00", "0;a=b"])}\r\n${trailers}\r\n`;
}

function plainChunk(source: Source, piece: string): string {
  const hex = piece.length.toString(16);
  const size = source.pick([hex, hex, hex, hex.toUpperCase(), `0${hex}`, `00000${hex}`]);
  const extension = source.pick(["", "", "", "", ";a=b", ';a="b;\xe9"', ";", ";a ; b"]);
  return `${size}${extension}\r\n${piece}\r\n`;
}

function trickChunk(source: Source, piece: string): string {
  const hex = piece.length.toString(16);
  return source.pick([
    `${(piece.length + 1 + source.below(20)).toString(16)}\r\n${piece}\r\n`,
    `${source.below(piece.length + 1).toString(16)}\r\n${piece}\r\n`,
    `0x${hex}\r\n${piece}\r\n`,
    `+${hex}\r\n${piece}\r\n`,
    `-${hex}\r\n${piece}\r\n`,
    `${hex} \r\n${piece}\r\n`,
    ` ${hex}\r\n${piece}\r\n`,
    `${hex} ;a\r\n${piece}\r\n`,
    `${hex}\n${piece}\r\n`,
    `${hex}\r\n${piece}\n`,
    `${hex}\r\n${piece}`,
    `${hex}\r${piece}\r\n`,
    `${hex};a\n${piece}\r\n`,
    `${hex};a\rb\r\n${piece}\r\n`,
    `${hex};\x00\r\n${piece}\r\n`,
    `${hex},1\r\n${piece}\r\n`,
    `1${"0".repeat(16)}${hex}\r\n${piece}\r\n`,
    `\r\n${hex}\r\n${piece}\r\n`,
    `${hex}\r\n${piece}\r\n\r\n`,
  ]);
}

/** A few bytes added, taken away or exchanged, wherever that does not hide whose request it is. */
function mutated(source: Source, text: string): string {
  const kept = Array.from(
    text.matchAll(UNTOUCHED),
    ({ index, 0: found }) => [index, index + found.length] as const,
  );
  let changed = text;
  // From the back, so that the places that are kept stay where they were.
  const places = Array.from({ length: 1 + source.below(3) }, () => source.below(text.length))
    .sort((one, other) => other - one);
  for (const at of places) {
    if (kept.some(([begin, end]) => at >= begin - 1 && at <= end)) continue;
    const put = source.pick([
      "",
      "\r",
      "\n",
      "\r\n",
      " ",
      "\t",
      ":",
      "0",
      "\x00",
      "\x0b",
      ",",
      "x",
      "\x85",
      "\xa0",
    ]);
    changed = changed.slice(0, at) + put + changed.slice(at + source.below(2));
  }
  return changed;
}
