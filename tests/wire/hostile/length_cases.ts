/** What stands where a length has to be. */

import {
  CHUNKED,
  cutShort,
  ENCLOSED,
  type Family,
  FIELDS,
  forwarded,
  GET,
  HEAD,
  type HostileCase,
  POST,
  refused,
  SMUGGLED,
} from "./hostile_case.ts";

/** Each in place of a length, before three bytes. */
const NO_LENGTHS: readonly (readonly [name: string, value: string])[] = [
  ["nothing", ""],
  ["only blanks", " \t "],
  ["a plus", "+3"],
  ["a minus", "-3"],
  ["minus zero", "-0"],
  ["plus zero", "+0"],
  ["hexadecimal digits", "0x3"],
  ["octal digits with a letter", "0o3"],
  ["an exponent", "3e0"],
  ["a fraction", "3.0"],
  ["quotes", '"3"'],
  ["a space within", "3 3"],
  ["a tab within", "3\t3"],
  ["a list of one length", "3,"],
  ["a list that begins empty", ",3"],
  ["a list of the same length", "3, 3"],
  ["a list of two lengths", "3, 30"],
  ["a parameter", "3;q=1"],
  ["an underscore", "1_000"],
  ["a thousands separator", "1,000"],
  ["sixteen digits", "0000000000000003"],
  ["a length and a second one behind a space", "4294967299 0"],
  ["2 to the 64th and three", "18446744073709551619"],
  ["a thousand digits", "9".repeat(1_000)],
  ["a word", "three"],
  ["Infinity", "Infinity"],
  ["NaN", "NaN"],
  ["a superscript three in Latin-1", "\xb3"],
  ["a full-width three in UTF-8", "\xef\xbc\x93"],
  ["a no-break space before it", "\xa03"],
  ["a NUL behind it", "3\x00"],
  ["a NUL before it", "\x003"],
  ["a vertical tab before it", "\x0b3"],
  ["a form feed behind it", "3\x0c"],
  ["a percent-encoding", "%33"],
  ["the word chunked", "chunked"],
];

/** Two lengths, or one that is spelled so that some would not see it. */
const TWICE: readonly HostileCase[] = [
  refused(
    "two lengths, the first shorter",
    `${HEAD}Content-Length: 0\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n`,
  ),
  refused(
    "two lengths, the first longer",
    `${HEAD}Content-Length: ${SMUGGLED.length}\r\nContent-Length: 0\r\n\r\n`,
  ),
  refused("the same length twice", `${HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`),
  refused("two lengths in two spellings", `${HEAD}content-length: 3\r\nCONTENT-LENGTH: 4\r\n\r\nabcd`),
  refused(
    "two lengths far from each other",
    `${HEAD}Content-Length: 3\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 5\r\n\r\nabc`,
  ),
  refused("a length and an empty one", `${HEAD}Content-Length: 3\r\nContent-Length:\r\n\r\nabc`),
  refused("three lengths", `${HEAD}Content-Length: 1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc`),
  refused("a length with a space before its colon", `${HEAD}Content-Length : 3\r\n\r\nabc`),
  refused("a length with a tab before its colon", `${HEAD}Content-Length\t: 3\r\n\r\nabc`),
  refused("a length with a NUL in its name", `${HEAD}Content-Length\x00: 3\r\n\r\nabc`),
  refused("a length with a space in its name", `${HEAD}Content Length: 3\r\n\r\nabc`),
  refused("a length in a folded line", `${HEAD}Content-Length:\r\n 3\r\n\r\nabc`),
  refused(
    "a length behind a space at the start of its line",
    `${POST} Content-Length: 3\r\n${FIELDS}\r\nabc`,
  ),
  refused("a wrong length on a GET", `${GET}${FIELDS}Content-Length: 3, 0\r\n\r\nabc`),
  refused(
    "two lengths on a HEAD",
    `HEAD /openai/v1/x HTTP/1.1\r\n${FIELDS}Content-Length: 3\r\nContent-Length: 0\r\n\r\n`,
  ),
];

const RIGHT: readonly HostileCase[] = [
  forwarded("a length without a space", `${HEAD}Content-Length:3\r\n\r\nabc`, { body: "abc" }),
  forwarded("a length among blanks", `${HEAD}Content-Length: \t 3 \t\r\n\r\nabc`, { body: "abc" }),
  forwarded("a length with leading zeros", `${HEAD}Content-Length: 003\r\n\r\nabc`, { body: "abc" }),
  forwarded("a length of zero", `${HEAD}Content-Length: 0\r\n\r\n`),
  forwarded("no length: no body", `${HEAD}\r\n`),
  forwarded("a length in capitals", `${HEAD}CONTENT-LENGTH: 3\r\n\r\nabc`, { body: "abc" }),
  forwarded("a length on a GET", `${GET}${FIELDS}Content-Length: 3\r\n\r\nabc`, { body: "abc" }),
  forwarded("a length on a DELETE", `DELETE /openai/v1/x HTTP/1.1\r\n${FIELDS}Content-Length: 3\r\n\r\nabc`, {
    body: "abc",
  }),
  forwarded("a body that is a request", `${HEAD}Content-Length: ${ENCLOSED.length}\r\n\r\n${ENCLOSED}`, {
    body: ENCLOSED,
  }),
  forwarded("a body that is chunks", `${HEAD}Content-Length: 5\r\n\r\n0\r\n\r\n`, { body: "0\r\n\r\n" }),
  forwarded(
    "a length in a field of a similar name",
    `${HEAD}Content_Length: 100\r\nX-Content-Length: 100\r\nContent-Length: 3\r\n\r\nabc`,
    { body: "abc" },
  ),
];

const SHORT: readonly HostileCase[] = [
  cutShort("a body one byte short", `${HEAD}Content-Length: 4\r\n\r\nabc`, { answers: [499] }),
  cutShort("a body that never begins", `${HEAD}Content-Length: 4\r\n\r\n`, { answers: [499] }),
  cutShort("a body short by a request", `${HEAD}Content-Length: 99999\r\n\r\n${ENCLOSED}`, {
    answers: [499],
  }),
  cutShort("the longest length there is", `${HEAD}Content-Length: 999999999999999\r\n\r\nabc`, {
    answers: [499],
  }),
  cutShort("chunks without an end", `${CHUNKED}3\r\nabc\r\n`, { answers: [499] }),
  cutShort("a chunk that is cut short", `${CHUNKED}ff\r\n${ENCLOSED.slice(0, 80)}`, { answers: [499] }),
  cutShort("a chunk of nearly 2 to the 52nd", `${CHUNKED}fffffffffffff\r\n${ENCLOSED}`, { answers: [499] }),
  cutShort("a chunk's size that is cut short", `${CHUNKED}3`, { answers: [499] }),
  cutShort("a last chunk without its empty line", `${CHUNKED}3\r\nabc\r\n0\r\n`, { answers: [499] }),
  cutShort("trailers that are cut short", `${CHUNKED}3\r\nabc\r\n0\r\nX-A: 1\r\nX-B`, { answers: [499] }),
  cutShort("a head that is cut short", `${HEAD}X-A: 1\r\n`),
  cutShort("a request line that is cut short", "POST /openai/v1/x HT"),
  cutShort("one letter", "P"),
];

/** Lengths of bodies. */
export const LENGTHS: readonly Family[] = [
  [
    "lengths that are none",
    NO_LENGTHS.map(([name, value]) =>
      refused(`as a length: ${name}`, `${HEAD}Content-Length: ${value}\r\n\r\nabc`)
    ),
  ],
  ["two lengths and hidden ones", TWICE],
  ["proper lengths", RIGHT],
  ["messages cut short", SHORT],
];
