/** Requests read by the program against llhttp, head and body. */

import { ChunkedBody, CountedBody } from "../../../src/http/body.ts";
import { concat } from "../../../src/streams/bytes.ts";
import { readHead } from "../../../src/http/head.ts";
import { readUpTo } from "../../../src/streams/read_whole.ts";
import { ConnectionReader } from "../../../src/http/reader.ts";
import { HttpSyntaxError, UnexpectedEnd } from "../../../src/http/syntax_error.ts";
import { parseRequestTarget } from "../../../src/http/request_target.ts";
import { parseRequestHead, type RequestHead } from "../../../src/server/request_head.ts";
import { KNOWN_METHODS, llhttpReading } from "../llhttp.ts";
import { type FuzzTarget, holds, inPieces, latin1Text, type Random, same } from "../target.ts";
import { REQUEST_SEEDS, REQUEST_WORDS } from "./http_seeds.ts";
import { connectionOf } from "./pieces.ts";

const MAX_BYTES = 1 << 20;

interface Reading {
  readonly head?: RequestHead;
  /** The body in Latin-1; undefined: it broke off. */
  readonly body?: string;
  readonly error?: string;
  readonly restBytes?: number;
}

async function readIn(pieces: readonly Uint8Array[]): Promise<Reading> {
  const length = concat(pieces).length;
  const reader = new ConnectionReader(connectionOf(pieces));
  let head: RequestHead | undefined;
  try {
    const raw = await readHead(reader);
    if (raw === null) return { error: "nothing" };
    head = parseRequestHead(raw);
    const body = await bodyOf(reader, head);
    // What has not come yet is not in the buffer.
    const taken = reader.received - reader.buffered.length;
    return { head, body, restBytes: length - taken };
  } catch (error) {
    if (!(error instanceof HttpSyntaxError) && !(error instanceof UnexpectedEnd)) throw error;
    return { ...(head && { head }), error: `${error.name}: ${error.message}` };
  }
}

async function bodyOf(reader: ConnectionReader, { framing }: RequestHead): Promise<string> {
  if (framing.kind === "absent") return "";
  const body = framing.kind === "chunked" ? new ChunkedBody(reader) : new CountedBody(reader, framing.length);
  const { bytes } = await readUpTo({
    length: undefined,
    readable: () => body.readable(),
    tryRead: () => body.tryRead(),
  }, MAX_BYTES);
  holds(body.ended, "a body that was read whole has ended");
  return latin1Text(bytes);
}

async function check(input: Uint8Array, chance: Random): Promise<string> {
  const whole = await readIn([input]);
  same(await readIn(inPieces(input, chance)), whole, "pieces matter");
  const { head, body, error } = whole;
  if (head === undefined) return error ?? "";
  compareHead(input, head, body);
  return `${head.framing.kind} ${head.minor} ${head.persistent} ${head.expectsContinue} ${error}`;
}

/**
 * What llhttp refuses, and the program's readers leave to the upstream or drop, since none of it frames
 * anything.
 */
function isAllowedRefusal(
  code: string | undefined,
  { method, target }: RequestHead,
  text: string,
): boolean {
  switch (code) {
    case "HPE_INVALID_METHOD":
      return !KNOWN_METHODS.has(method);
    case "HPE_INVALID_URL":
      // Such a target is refused a step later, holds bytes beyond ASCII, which go on as they came, or names a
      // host, at which the program never looks.
      return parseRequestTarget(target).rejection !== undefined || /[\x80-\xff]/.test(target) ||
        !target.startsWith("/");
    case "HPE_INVALID_CONTENT_LENGTH":
    case "HPE_INVALID_TRANSFER_ENCODING":
      // It takes spaces around such a value, and no tabs.
      return /\t/.test(text);
    case "HPE_INVALID_VERSION":
      return method === "PRI";
    default:
      return false;
  }
}

function compareHead(input: Uint8Array, head: RequestHead, body: string | undefined): void {
  const other = llhttpReading(input);
  if (!other.hasHead) {
    holds(isAllowedRefusal(other.error, head, latin1Text(input)), `llhttp refuses it: ${other.error}`);
    return;
  }
  same(head.method, other.method, "method");
  same(head.target, other.target, "target");
  const framing = new Set(["content-length", "transfer-encoding"]);
  const fields: [string, string][] = [];
  for (let at = 0; at < other.fields.length; at += 2) {
    const [name = "", value = ""] = other.fields.slice(at, at + 2);
    if (!framing.has(name.toLowerCase()) || head.framing.kind === "absent") fields.push([name, value]);
  }
  same(head.fields.map(({ name, value }) => [name, value]), fields, "fields");
  // A CONNECT has no body for llhttp; the program refuses the method.
  if (head.method === "CONNECT" || body === undefined) return;
  if (!other.isWhole && isAllowedRefusal(other.error, head, latin1Text(input))) return;
  // Extensions and trailers: the target for bodies in chunks looks closer.
  if (other.error !== undefined && head.framing.kind === "chunked") return;
  holds(other.isWhole, `llhttp does not find its end: ${other.error}`);
  same(body, latin1Text(other.body), "body");
}

/** Requests over HTTP/1.1. */
export const target: FuzzTarget = {
  name: "http_request",
  seeds: REQUEST_SEEDS,
  words: REQUEST_WORDS,
  check,
  read: (input) => readIn([input]),
};
