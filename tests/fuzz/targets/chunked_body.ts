/** Bodies in chunks against llhttp. */

import { ChunkedBody } from "../../../src/http/body.ts";
import { concat } from "../../../src/streams/bytes.ts";
import { readUpTo } from "../../../src/streams/read_whole.ts";
import { ConnectionReader } from "../../../src/http/reader.ts";
import { HttpSyntaxError, UnexpectedEnd } from "../../../src/http/syntax_error.ts";
import { latin1 } from "../../support/clients/byte_input.ts";
import { llhttpReading } from "../llhttp.ts";
import { type FuzzTarget, holds, inPieces, latin1Text, type Random, same } from "../target.ts";
import { CHUNK_WORDS, CHUNKED_SEEDS } from "./http_seeds.ts";
import { connectionOf } from "./pieces.ts";

const MAX_BYTES = 1 << 24;
/** With it llhttp says where the request has ended. */
const HEAD = latin1("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");

interface Reading {
  readonly body?: string;
  /** How many bytes it took. */
  readonly taken?: number;
  readonly error?: string;
}

async function readIn(pieces: readonly Uint8Array[]): Promise<Reading> {
  const reader = new ConnectionReader(connectionOf(pieces));
  const body = new ChunkedBody(reader);
  try {
    body.begin();
    const { bytes } = await readUpTo({
      length: undefined,
      readable: () => body.readable(),
      tryRead: () => body.tryRead(),
    }, MAX_BYTES);
    return { body: latin1Text(bytes), taken: reader.received - reader.buffered.length };
  } catch (error) {
    if (!(error instanceof HttpSyntaxError) && !(error instanceof UnexpectedEnd)) throw error;
    return { error: `${error.name}: ${error.message}` };
  }
}

/**
 * What llhttp refuses within extensions and trailers, which the program drops: it looks into them only for
 * line ends and control characters.
 */
const ALLOWED_REFUSALS: ReadonlySet<string | undefined> = new Set([
  "HPE_INVALID_HEADER_TOKEN",
  "HPE_INVALID_CHUNK_SIZE",
  "HPE_STRICT",
  "HPE_INVALID_CONTENT_LENGTH",
  "HPE_INVALID_TRANSFER_ENCODING",
  "HPE_UNEXPECTED_CONTENT_LENGTH",
]);

async function check(input: Uint8Array, chance: Random): Promise<string> {
  const whole = await readIn([input]);
  same(await readIn(inPieces(input, chance)), whole, "pieces matter");
  const { body, taken = 0, error } = whole;
  if (body === undefined) return error ?? "";
  const text = latin1Text(input.subarray(0, taken));
  const other = llhttpReading(concat([HEAD, input]));
  if (!other.isWhole) {
    const isBeside = text.includes(";") || /(?:^|\r\n)0+\r\n[^]+\r\n\r\n$/.test(text);
    holds(isBeside && ALLOWED_REFUSALS.has(other.error), `llhttp refuses it: ${other.error}`);
    return `refused by llhttp: ${other.error}`;
  }
  same(body, latin1Text(other.body), "body");
  // It skips line ends behind a request, and says where the first byte is that it refuses, or the one behind
  // it.
  const behind = other.errorAt - HEAD.length - taken;
  const isLineEnd = /^[\r\n]/.test(latin1Text(input.subarray(taken, taken + 1)));
  holds(behind === 0 || behind === 1 || isLineEnd && behind > 0, `where it ends: ${behind} bytes apart`);
  return `${Math.min(body.length, 3)} bytes, ${Math.min(input.length - taken, 1)} behind`;
}

/** Bodies in chunks. */
export const target: FuzzTarget = {
  name: "chunked_body",
  seeds: CHUNKED_SEEDS,
  words: CHUNK_WORDS,
  check,
  read: (input) => readIn([input]),
};
