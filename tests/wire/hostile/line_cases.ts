/** Lines that end or go on where they should not, and control characters wherever a byte can stand. */

import {
  brokenBody,
  CHUNKED,
  type Family,
  FIELDS,
  GET,
  HEAD,
  type HostileCase,
  POST,
  refused,
} from "./hostile_case.ts";

const LINES: readonly HostileCase[] = [
  refused("a folded line", `${HEAD}X-A: 1\r\n 2\r\n\r\n`),
  refused("a line folded by a tab", `${HEAD}X-A: 1\r\n\t2\r\n\r\n`),
  refused("a folded line that looks like a field", `${HEAD}X-A: 1\r\n X-B: 2\r\n\r\n`),
  refused("a folded line that looks like a length", `${HEAD}X-A: 1\r\n Content-Length: 100\r\n\r\n`),
  refused("a folded host", `${POST}Host: p\r\n .evil.test\r\n\r\n`),
  refused("a folded credential", `${POST}Host: p\r\nAuthorization: Bearer\r\n x\r\n\r\n`),
  refused("a first field that is folded", `${POST} X-A: 1\r\n${FIELDS}\r\n`),
  refused("a folded line of blanks alone", `${HEAD}X-A: 1\r\n \r\n\r\n`),
  refused("a blank in place of the empty line", `${HEAD} \r\n\r\n`),
  refused("a folded request line", `POST /openai/v1/x\r\n HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a bare LF between fields", `${HEAD}X-A: 1\nX-B: 2\r\n\r\n`),
  refused("a bare LF behind the request line", `POST /openai/v1/x HTTP/1.1\n${FIELDS}\r\n`),
  refused("bare LFs alone", "POST /openai/v1/x HTTP/1.1\nHost: p\n\n"),
  refused("a bare LF for the empty line", `${HEAD}X-A: 1\r\n\n`),
  refused("a bare LF at the end of the last field", `${HEAD}X-A: 1\n\r\n`),
  refused("LF CR in place of CR LF", `${HEAD}X-A: 1\n\rX-B: 2\r\n\r\n`),
  refused(
    "two bare LFs before a request",
    `${HEAD}X-A: 1\n\nGET /openai/v1/smuggled HTTP/1.1\r\n${FIELDS}\r\n`,
  ),
  refused("a bare CR between fields", `${HEAD}X-A: 1\rX-B: 2\r\n\r\n`),
  refused("CR CR LF", `${HEAD}X-A: 1\r\r\n\r\n`),
  refused("a bare CR for the empty line", `${HEAD}X-A: 1\r\n\rX-B: 2\r\n\r\n`),
  refused("a bare CR behind the request line", `POST /openai/v1/x HTTP/1.1\r${FIELDS}\r\n`),
  refused("a bare CR in the target", `POST /openai/v1/x\r HTTP/1.1\r\n${FIELDS}\r\n`),
  refused("a bare CR before a colon", `${HEAD}X-A\r: 1\r\n\r\n`),
  refused("an empty line before the request", `\r\n${HEAD}\r\n`),
  refused("two empty lines before the request", `\r\n\r\n${HEAD}\r\n`),
  refused("a bare LF before the request", `\n${HEAD}\r\n`),
  refused("a space before the request", ` ${HEAD}\r\n`),
  refused("a line without a colon", `${HEAD}nonsense\r\n\r\n`),
  refused("a field without a name", `${HEAD}: 1\r\n\r\n`),
  refused("a field that is a colon", `${HEAD}:\r\n\r\n`),
  refused("a space before a colon", `${HEAD}X-A : 1\r\n\r\n`),
  refused("a space in a name", `${HEAD}X A: 1\r\n\r\n`),
  refused("a request line in place of a field", `${POST}${GET}${FIELDS}\r\n`),
  refused("an HTTP/2 pseudo-field", `${POST}:authority: evil.test\r\n${FIELDS}\r\n`),
  ...["(", ")", "<", ">", "@", ",", ";", "\\", '"', "/", "[", "]", "?", "=", "{", "}"].map((sign) =>
    refused(`a name with ${sign}`, `${HEAD}X${sign}A: 1\r\n\r\n`)
  ),
];

/** Control characters; CR and LF have cases of their own. */
const CONTROLS: readonly (readonly [name: string, character: string])[] = [
  ["NUL", "\x00"],
  ["SOH", "\x01"],
  ["a backspace", "\x08"],
  ["a vertical tab", "\x0b"],
  ["a form feed", "\x0c"],
  ["an escape", "\x1b"],
  ["a unit separator", "\x1f"],
  ["DEL", "\x7f"],
];

const PLACES: readonly (readonly [place: string, bytes: (character: string) => string])[] = [
  ["before the method", (c) => `${c}${HEAD}\r\n`],
  ["in the method", (c) => `PO${c}ST /openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`],
  ["in place of the first space", (c) => `POST${c}/openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`],
  ["in the path", (c) => `POST /openai/v1/x${c}y HTTP/1.1\r\n${FIELDS}\r\n`],
  ["in the query", (c) => `POST /openai/v1/x?a=${c} HTTP/1.1\r\n${FIELDS}\r\n`],
  ["in the authority", (c) => `POST http://evil${c}.test/openai/v1/x HTTP/1.1\r\n${FIELDS}\r\n`],
  ["in place of the second space", (c) => `POST /openai/v1/x${c}HTTP/1.1\r\n${FIELDS}\r\n`],
  ["in the version", (c) => `POST /openai/v1/x HTTP/1${c}.1\r\n${FIELDS}\r\n`],
  ["behind the version", (c) => `POST /openai/v1/x HTTP/1.1${c}\r\n${FIELDS}\r\n`],
  ["before a name", (c) => `${HEAD}${c}X-A: 1\r\n\r\n`],
  ["in a name", (c) => `${HEAD}X${c}A: 1\r\n\r\n`],
  ["behind a name", (c) => `${HEAD}X-A${c}: 1\r\n\r\n`],
  ["before a value", (c) => `${HEAD}X-A:${c}1\r\n\r\n`],
  ["in a value", (c) => `${HEAD}X-A: 1${c}2\r\n\r\n`],
  ["behind a value", (c) => `${HEAD}X-A: 1${c}\r\n\r\n`],
  ["in the host", (c) => `${POST}Host: p${c}q\r\n\r\n`],
];

/** Places within a body, where the head may have been forwarded by the time that they are seen. */
const BODY_PLACES: readonly (readonly [place: string, bytes: (character: string) => string])[] = [
  ["before a chunk's size", (c) => `${CHUNKED}${c}3\r\nabc\r\n0\r\n\r\n`],
  ["behind a chunk's size", (c) => `${CHUNKED}3${c}\r\nabc\r\n0\r\n\r\n`],
  ["in a chunk extension", (c) => `${CHUNKED}3;a=${c}\r\nabc\r\n0\r\n\r\n`],
  ["in the last chunk's extension", (c) => `${CHUNKED}3\r\nabc\r\n0;${c}\r\n\r\n`],
];

/** Lines and control characters. */
export const LINE_FAMILIES: readonly Family[] = [
  ["lines", LINES],
  [
    "control characters in the head",
    PLACES.flatMap(([place, bytes]) =>
      CONTROLS.map(([name, character]) => refused(`${name} ${place}`, bytes(character)))
    ),
  ],
  ["control characters in chunks", [
    ...BODY_PLACES.flatMap(([place, bytes]) =>
      CONTROLS.map(([name, character]) => brokenBody(`${name} ${place}`, bytes(character)))
    ),
    brokenBody("NUL in a trailer's name", `${CHUNKED}0\r\nX\x00T: 1\r\n\r\n`),
    brokenBody("NUL in a trailer's value", `${CHUNKED}0\r\nX-T: \x00\r\n\r\n`),
  ]],
];
