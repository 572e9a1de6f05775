/**
 * Bodies in chunks: extensions and trailers stay behind, and whatever is not plain breaks the request off.
 */

import {
  brokenBody,
  CHUNKED,
  ENCLOSED,
  type Family,
  forwarded,
  HEAD,
  type HostileCase,
  SMUGGLED,
} from "./hostile_case.ts";

const END = "0\r\n\r\n";

/** What stands in place of the size of a chunk of three bytes. */
const NO_SIZES: readonly (readonly [name: string, line: string])[] = [
  ["a minus", "-3\r\n"],
  ["a plus", "+3\r\n"],
  ["0x", "0x3\r\n"],
  ["a space before it", " 3\r\n"],
  ["a space behind it", "3 \r\n"],
  ["a tab behind it", "3\t\r\n"],
  ["a space before an extension", "3 ;a=b\r\n"],
  ["nothing", "\r\n"],
  ["only an extension", ";a=b\r\n"],
  ["a letter that is no digit", "3g\r\n"],
  ["an underscore", "0_3\r\n"],
  ["a fraction", "3.0\r\n"],
  ["a comma", "3,3\r\n"],
  ["an equals sign", "3=a\r\n"],
  ["a full-width digit", "\xef\xbc\x93\r\n"],
  ["a superscript digit", "\xb3\r\n"],
  ["fourteen digits", "00000000000003\r\n"],
  ["2 to the 64th and three", "10000000000000003\r\n"],
  ["a thousand digits", `${"f".repeat(1_000)}\r\n`],
  ["a bare LF", "3\n"],
  ["a bare CR", "3\r"],
  ["CR CR LF", "3\r\r\n"],
  ["LF CR", "3\n\r"],
  ["a no-break space behind it", "3\xa0\r\n"],
  ["quotes", '"3"\r\n'],
  ["a percent-encoding", "%33\r\n"],
];

const WRONG_DATA: readonly HostileCase[] = [
  brokenBody("a chunk longer than its size", `${CHUNKED}2\r\nabc\r\n${END}`),
  brokenBody("a chunk shorter than its size", `${CHUNKED}4\r\nabc\r\n${END}`),
  brokenBody("a chunk without CR LF behind it", `${CHUNKED}3\r\nabc${END}`),
  brokenBody("a bare LF behind a chunk", `${CHUNKED}3\r\nabc\n${END}`),
  brokenBody("a bare CR behind a chunk", `${CHUNKED}3\r\nabc\r${END}`),
  brokenBody("two other bytes behind a chunk", `${CHUNKED}3\r\nabcde${END}`),
  brokenBody("two blanks behind a chunk", `${CHUNKED}3\r\nabc  ${END}`),
  brokenBody("LF CR behind a chunk", `${CHUNKED}3\r\nabc\n\r${END}`),
  brokenBody("two bare LFs behind a chunk", `${CHUNKED}3\r\nabc\n\n${END}`),
  brokenBody("CR and another byte behind a chunk", `${CHUNKED}3\r\nabc\rx${END}`),
  brokenBody("two line ends behind a chunk", `${CHUNKED}3\r\nabc\r\n\r\n${END}`),
  brokenBody("a request in place of a size", `${CHUNKED}3\r\nabc\r\n${SMUGGLED}`),
  brokenBody("a bare LF behind the last chunk", `${CHUNKED}3\r\nabc\r\n0\r\n\n`),
  brokenBody("bare LFs around the last chunk", `${CHUNKED}3\r\nabc\r\n0\n\n`),
  brokenBody("a last chunk with a minus", `${CHUNKED}3\r\nabc\r\n-0\r\n\r\n`),
  brokenBody("a last chunk with a space", `${CHUNKED}3\r\nabc\r\n0 \r\n\r\n`),
  brokenBody("a last chunk with 0x", `${CHUNKED}3\r\nabc\r\n0x0\r\n\r\n`),
  brokenBody("a body that is not chunked at all", `${CHUNKED}{"model":"x"}\r\n`),
  brokenBody("an endless extension", `${CHUNKED}3;${"a".repeat(5_000)}\r\nabc\r\n${END}`),
  brokenBody(
    "an endless extension of the last chunk",
    `${CHUNKED}3\r\nabc\r\n0;${"a".repeat(5_000)}\r\n\r\n`,
  ),
  brokenBody("a bare LF in an extension", `${CHUNKED}3;a\nb\r\nabc\r\n${END}`),
  brokenBody("a bare LF behind an extension", `${CHUNKED}3;a\nabc\r\n${END}`),
  brokenBody("a bare CR in an extension", `${CHUNKED}3;a\rb\r\nabc\r\n${END}`),
  brokenBody("endless trailers", `${CHUNKED}0\r\n${"X-T: 1\r\n".repeat(2_500)}\r\n`),
  brokenBody("an endless trailer", `${CHUNKED}0\r\nX-T: ${"a".repeat(20_000)}\r\n\r\n`),
  brokenBody("a bare LF in a trailer", `${CHUNKED}0\r\nX-T: 1\nX-U: 2\r\n\r\n`),
  brokenBody("a bare CR in a trailer", `${CHUNKED}0\r\nX-T: 1\rX-U: 2\r\n\r\n`),
  brokenBody("trailers that end in a bare LF", `${CHUNKED}0\r\nX-T: 1\r\n\n`),
];

/** Legal, and framed anew: no extension and no trailer gets through. */
const REFRAMED: readonly (readonly [name: string, chunks: string, body: string])[] = [
  ["an extension", `3;a=b\r\nabc\r\n${END}`, "abc"],
  ["an extension without a value", `3;a\r\nabc\r\n${END}`, "abc"],
  ["an empty extension", `3;\r\nabc\r\n${END}`, "abc"],
  ["extensions in plenty", `3${";a=b".repeat(500)}\r\nabc\r\n${END}`, "abc"],
  ["a quoted extension", `3;a="b;c"\r\nabc\r\n${END}`, "abc"],
  ["an extension that speaks of a length", `3;content-length=100\r\nabc\r\n${END}`, "abc"],
  ["an extension of the last chunk", "3\r\nabc\r\n0;a=b\r\n\r\n", "abc"],
  ["an extension that looks like a request", `3;GET /openai/v1/smuggled HTTP/1.1\r\nabc\r\n${END}`, "abc"],
  ["an extension of bytes beyond ASCII", `3;\xff\xfe\r\nabc\r\n${END}`, "abc"],
  ["sizes in capitals", `A\r\n0123456789\r\n${END}`, "0123456789"],
  ["sizes with leading zeros", `0000000000003\r\nabc\r\n${END}`, "abc"],
  ["a last chunk of many zeros", "3\r\nabc\r\n0000000000000\r\n\r\n", "abc"],
  ["one byte a chunk", `1\r\na\r\n1\r\nb\r\n1\r\nc\r\n${END}`, "abc"],
  ["nothing but the last chunk", END, ""],
  ["data that looks like the end", `8\r\nab${END}c\r\n${END}`, `ab${END}c`],
  ["data that is a request", `${ENCLOSED.length.toString(16)}\r\n${ENCLOSED}\r\n${END}`, ENCLOSED],
  ["a trailer", "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n", "abc"],
  ["a trailer that is a length", "3\r\nabc\r\n0\r\nContent-Length: 100\r\n\r\n", "abc"],
  ["a trailer that is a coding", "3\r\nabc\r\n0\r\nTransfer-Encoding: identity\r\n\r\n", "abc"],
  ["a trailer that is a host", "3\r\nabc\r\n0\r\nHost: evil.test\r\n\r\n", "abc"],
  [
    "a trailer that is a credential",
    "3\r\nabc\r\n0\r\nAuthorization: Bearer x\r\nX-Api-Key: x\r\n\r\n",
    "abc",
  ],
  ["trailers that look like a request", `3\r\nabc\r\n0\r\n${SMUGGLED}`, "abc"],
  ["a trailer that is folded", "3\r\nabc\r\n0\r\nX-T: 1\r\n 2\r\n\r\n", "abc"],
];

/** Chunked bodies. */
export const CHUNKS: readonly Family[] = [
  [
    "chunk sizes that are none",
    NO_SIZES.map(([name, line]) =>
      brokenBody(`as a chunk's size: ${name}`, `${CHUNKED}${line}abc\r\n${END}`)
    ),
  ],
  ["chunks that break the rules", WRONG_DATA],
  ["chunks framed anew", [
    ...REFRAMED.map(([name, chunks, body]) =>
      forwarded(`chunks with ${name}`, `${CHUNKED}${chunks}`, { body })
    ),
    forwarded(
      "trailers that the head announced",
      `${HEAD}Trailer: X-T\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n`,
      { body: "abc" },
    ),
  ]],
];
