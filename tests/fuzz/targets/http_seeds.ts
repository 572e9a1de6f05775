/** Requests to begin with, those of the hostile corpus among them. */

import { latin1 } from "../../support/clients/byte_input.ts";
import { FAMILIES } from "../../wire/hostile/corpus.ts";

/** Longer ones try limits of length. */
const MAX_SEED_BYTES = 1_000;

/** Requests as they would be sent. */
export const REQUEST_SEEDS: readonly Uint8Array[] = [
  "GET /v1/models?a=b HTTP/1.1\r\nHost: a.test:80\r\nAuthorization: Bearer x\r\n\r\n",
  "POST /v1/x HTTP/1.1\r\nhost: [::1]\r\ncontent-length: 3\r\nexpect: 100-continue\r\n\r\nabc",
  "POST / HTTP/1.1\r\nHost:a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  "GET http://a/b HTTP/1.0\r\nX:\t \t\r\nConnection: keep-alive, close\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n",
  ...hostileRequests(),
].map(latin1);

/** Chunked bodies. */
export const CHUNKED_SEEDS: readonly Uint8Array[] = [
  "3\r\nabc\r\n0\r\n\r\n",
  "1\r\na\r\n1\r\nb\r\n1;x=y\r\nc\r\n0;z\r\nx: y\r\n\r\nrest",
  `0000000a;a="b"\r\n0123456789\r\n000\r\n\r\n`,
  `A\r\n0123456789\r\n${"1\r\nx\r\n".repeat(20)}0\r\n\r\n`,
  `400\r\n${"x".repeat(1_024)}\r\n401\r\n${"y".repeat(1_025)}\r\n0\r\n\r\n`,
  ...hostileRequests().filter((text) => /chunked/i.test(text)).map((text) =>
    text.slice(text.indexOf("\r\n\r\n") + 4)
  ),
].map(latin1);

/** What requests are made of. */
export const REQUEST_WORDS: readonly string[] = [
  "\r\n",
  "\r\n\r\n",
  "\n",
  "\r",
  " ",
  "\t",
  ":",
  "\0",
  "\x7f",
  "\xff",
  "\x85",
  "\xa0",
  "GET ",
  "POST / HTTP/1.1\r\n",
  " HTTP/1.1",
  " HTTP/1.0",
  "HTTP/2.0",
  "Host: a\r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "transfer-encoding: gzip, chunked\r\n",
  "Connection: close\r\n",
  "Connection: upgrade\r\nUpgrade: websocket\r\n",
  "Expect: 100-continue\r\n",
  "X-A: b\r\n",
  " folded\r\n",
  "http://a",
  "*",
  "0",
  "+5",
  "chunked",
];

/** What chunks are made of. */
export const CHUNK_WORDS: readonly string[] = [
  "\r\n",
  "\n",
  "\r",
  "0\r\n\r\n",
  "0\r\n",
  "1\r\nx\r\n",
  "3\r\nabc\r\n",
  "a",
  "F",
  "0",
  "00000000",
  ";",
  ";a=b",
  ';a="b;c"',
  "x: y\r\n",
  "\0",
  " ",
  "\t",
  "\xff",
  "ffffffff\r\n",
];

function hostileRequests(): string[] {
  return FAMILIES.flatMap(([, cases]) => cases.map(({ bytes }) => bytes)).filter(({ length }) =>
    length < MAX_SEED_BYTES
  );
}
