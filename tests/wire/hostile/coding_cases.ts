/** Both framings at once, and spellings of `transfer-encoding` that only some take for chunked. */

import {
  CHUNKED,
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

const END = "0\r\n\r\n";
const ABC = `3\r\nabc\r\n${END}`;
const WHOLE = END.length + SMUGGLED.length;

/** A reader by the length and one by the chunks would end the body in different places. */
const BOTH: readonly HostileCase[] = [
  refused(
    "CL.TE: the length covers a request behind the last chunk",
    `${HEAD}Content-Length: ${WHOLE}\r\nTransfer-Encoding: chunked\r\n\r\n${END}`,
  ),
  refused("CL.TE: a length of zero", `${HEAD}Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n${ABC}`),
  refused(
    "CL.TE: lengths that agree",
    `${HEAD}Content-Length: ${ABC.length}\r\nTransfer-Encoding: chunked\r\n\r\n${ABC}`,
  ),
  refused(
    "CL.TE: the beginning of a request behind the last chunk",
    `${HEAD}Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n${END}G`,
  ),
  refused(
    "CL.TE: a coding in capitals",
    `${HEAD}Content-Length: 5\r\nTRANSFER-ENCODING: CHUNKED\r\n\r\n${END}`,
  ),
  refused(
    "CL.TE: a coding that is unknown",
    `${HEAD}Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n${END}`,
  ),
  refused("CL.TE: an empty coding", `${HEAD}Content-Length: 5\r\nTransfer-Encoding:\r\n\r\n${END}`),
  refused("CL.TE: identity", `${HEAD}Content-Length: 5\r\nTransfer-Encoding: identity\r\n\r\nabcde`),
  refused("CL.TE: on a GET", `${GET}${FIELDS}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${END}`),
  refused(
    "CL.TE: the length is named by connection",
    `${HEAD}Connection: content-length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${END}`,
  ),
  refused(
    "CL.TE: the coding is named by connection",
    `${HEAD}Connection: transfer-encoding\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${END}`,
  ),
  refused(
    "CL.TE: in HTTP/1.0",
    `POST /openai/v1/x HTTP/1.0\r\n${FIELDS}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n${END}`,
  ),
  refused(
    "TE.CL: the chunk holds a request",
    `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${
      SMUGGLED.length.toString(16)
    }\r\n${SMUGGLED}\r\n${END}`,
  ),
  refused("TE.CL: a length of zero", `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n${ABC}`),
  refused(
    "TE.CL: a length that is none",
    `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.CL: a huge length",
    `${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 999999999999\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.CL: the framings far from each other",
    `${HEAD}Transfer-Encoding: chunked\r\nX-A: 1\r\nX-B: 2\r\nContent-Length: 3\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.CL: on a DELETE",
    `DELETE /openai/v1/x HTTP/1.1\r\n${FIELDS}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.CL: the length before the host",
    `${POST}Content-Length: 3\r\n${FIELDS}Transfer-Encoding: chunked\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.CL: two of both",
    `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n${ABC}`,
  ),
];

/** What stands behind `Transfer-Encoding:`. */
const CODINGS: readonly (readonly [name: string, value: string])[] = [
  ["nothing", ""],
  ["identity", " identity"],
  ["gzip", " gzip"],
  ["xchunked", " xchunked"],
  ["chunkedx", " chunkedx"],
  ["chunke", " chunke"],
  ["gzip, chunked", " gzip, chunked"],
  ["chunked, gzip", " chunked, gzip"],
  ["chunked, identity", " chunked, identity"],
  ["identity, chunked", " identity, chunked"],
  ["chunked, chunked", " chunked, chunked"],
  ["chunked with a comma behind", " chunked,"],
  ["chunked with a comma before", " ,chunked"],
  ["chunked with a parameter", " chunked;q=1"],
  ["chunked with a semicolon", " chunked;"],
  ["chunked in quotes", ' "chunked"'],
  ["chunked in single quotes", " 'chunked'"],
  ["chunked with a space within", " chun ked"],
  ["chunked with a tab within", " chun\tked"],
  ["chunked behind a vertical tab", " \x0bchunked"],
  ["chunked before a vertical tab", " chunked\x0b"],
  ["chunked behind a form feed", " \x0cchunked"],
  ["chunked behind a no-break space", " \xa0chunked"],
  ["chunked before a no-break space", " chunked\xa0"],
  ["chunked behind a NUL", " \x00chunked"],
  ["chunked before a NUL", " chunked\x00"],
  ["chunked behind a backspace", " x\x08chunked"],
  ["chunked behind a colon", ": chunked"],
  ["chunked behind a bare CR", " \rchunked"],
  ["chunked behind a bare LF", " \nchunked"],
  ["chunked in a folded line", "\r\n chunked"],
  ["chunked in a line folded by a tab", "\r\n\tchunked"],
  ["chunked and a folded line", " chunked\r\n x"],
  ["chunked in UTF-8's full width", " \xef\xbd\x83hunked"],
];

/** Spellings of the field's name, each before ` chunked`. */
const NAMES: readonly (readonly [name: string, field: string])[] = [
  ["a space before the colon", "Transfer-Encoding :"],
  ["a tab before the colon", "Transfer-Encoding\t:"],
  ["a vertical tab before the colon", "Transfer-Encoding\x0b:"],
  ["a NUL before the colon", "Transfer-Encoding\x00:"],
  ["a space within", "Transfer Encoding:"],
  ["a bare CR within", "Transfer\r-Encoding:"],
  ["a bare LF within", "Transfer\n-Encoding:"],
  ["a line's end before the colon", "Transfer-Encoding\r\n:"],
  ["a space before the name", " Transfer-Encoding:"],
  ["a tab before the name", "\tTransfer-Encoding:"],
  ["no colon", "Transfer-Encoding"],
  ["quotes", '"Transfer-Encoding":'],
  ["a byte beyond ASCII", "Transfer-Encoding\xff:"],
  ["an equals sign before the colon", "Transfer-Encoding=:"],
];

const TWICE: readonly HostileCase[] = [
  refused(
    "TE.TE: chunked twice",
    `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.TE: chunked and identity",
    `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.TE: identity and chunked",
    `${HEAD}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.TE: chunked and an unknown coding in small letters",
    `${HEAD}Transfer-Encoding: chunked\r\ntransfer-encoding: x\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.TE: chunked and an empty one",
    `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n\r\n${ABC}`,
  ),
  refused(
    "TE.TE: an empty one and chunked",
    `${HEAD}Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n${ABC}`,
  ),
  refused(
    "TE: chunked in HTTP/1.0",
    `POST /openai/v1/x HTTP/1.0\r\n${FIELDS}Transfer-Encoding: chunked\r\n\r\n${ABC}`,
  ),
];

const RIGHT: readonly HostileCase[] = [
  forwarded("chunked", `${CHUNKED}${ABC}`, { body: "abc" }),
  forwarded("chunked without a space", `${HEAD}Transfer-Encoding:chunked\r\n\r\n${ABC}`, { body: "abc" }),
  forwarded("chunked among blanks", `${HEAD}Transfer-Encoding: \t chunked \t\r\n\r\n${ABC}`, { body: "abc" }),
  forwarded("chunked in any case", `${HEAD}tRANSFER-eNCODING: ChUnKeD\r\n\r\n${ABC}`, { body: "abc" }),
  forwarded("chunked on a GET", `${GET}${FIELDS}Transfer-Encoding: chunked\r\n\r\n${ABC}`, { body: "abc" }),
  forwarded(
    "chunked that connection names",
    `${HEAD}Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n\r\n${ABC}`,
    { body: "abc" },
  ),
  forwarded(
    "a coding in a field of a similar name",
    `${HEAD}Transfer_Encoding: chunked\r\nX-Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc`,
    { body: "abc" },
  ),
  forwarded("te: chunked is no framing", `${HEAD}TE: chunked, trailers\r\nContent-Length: 3\r\n\r\nabc`, {
    body: "abc",
  }),
  forwarded(
    "content-encoding: chunked is no framing",
    `${HEAD}Content-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc`,
    { body: "abc" },
  ),
];

/** Transfer codings. */
export const TRANSFER_CODINGS: readonly Family[] = [
  ["CL.TE and TE.CL", BOTH],
  [
    "obfuscated codings",
    CODINGS.map(([name, value]) =>
      refused(`as a coding: ${name}`, `${HEAD}Transfer-Encoding:${value}\r\n\r\n${ABC}`)
    ),
  ],
  [
    "obfuscated names of the coding's field",
    NAMES.map(([name, field]) =>
      refused(`the coding's name with ${name}`, `${HEAD}Content-Length: 5\r\n${field} chunked\r\n\r\n${END}`)
    ),
  ],
  ["TE.TE", TWICE],
  ["proper codings", RIGHT],
];
