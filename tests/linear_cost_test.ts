/**
 * What an input costs grows with its bytes, for every reader on the way of a request and of its answer, however the
 * input is made: deep, wide, long, or cut into pieces of one byte.
 */

import { assert } from "@std/assert";
import { AnswerTap } from "../src/accounting/answer_tap.ts";
import { RealtimeTap } from "../src/accounting/realtime_tap.ts";
import { RequestTap } from "../src/accounting/request_tap.ts";
import { findCredentials } from "../src/auth/credential.ts";
import { HiddenUsage } from "../src/forwarding/stream_usage/hidden_usage.ts";
import { ReplayableBody } from "../src/forwarding/replayable_body.ts";
import { matchesAny } from "../src/glob.ts";
import { ChunkedBody } from "../src/http1/body.ts";
import { parseHead } from "../src/http1/head.ts";
import { readUpTo } from "../src/http1/read_whole.ts";
import { ConnectionReader } from "../src/http1/reader.ts";
import { modelsInPath, modelsInQuery } from "../src/payload/models.ts";
import { readPayload } from "../src/payload/read_payload.ts";
import { withoutParameter } from "../src/routing/join_url.ts";
import { ambiguityOf, parseRequestTarget } from "../src/routing/request_target.ts";
import { FrameReader } from "../src/websocket/frames.ts";
import { fieldsOf } from "./support/fields.ts";
import type { MessageBody } from "../src/http1/body.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const fill = (unit: string, bytes: number) => encode(unit.repeat(Math.ceil(bytes / unit.length)));

/** Bytes as a body, in pieces of so many bytes. */
function inPieces(bytes: Uint8Array, size: number): MessageBody {
  let at = 0;
  const tryRead = () => at >= bytes.length ? null : bytes.subarray(at, at += size);
  return { length: undefined, tryRead, read: () => Promise.resolve(tryRead()), cancel() {} };
}

async function drained(body: MessageBody): Promise<void> {
  while (await body.read() !== null) { /* the next piece */ }
}

function tapped(
  tap: { write: (piece: Uint8Array) => void } | undefined,
  bytes: Uint8Array,
  size: number,
): void {
  for (let at = 0; at < bytes.length; at += size) tap?.write(bytes.subarray(at, at + size));
}

const payloadOf = (bytes: Uint8Array, type = "application/json") =>
  readPayload(bytes, {
    fields: fieldsOf(`content-type: ${type}`),
    path: "/v1/files",
    maxBytes: 1e9,
    mustBeKnown: true,
    readsFiles: true,
    hold() {},
  }).catch(() => {});
const eventTap = () => AnswerTap.of("text/event-stream", undefined);
const chunked = (bytes: Uint8Array) => {
  let at = 0;
  const input = {
    read(into: Uint8Array) {
      const piece = bytes.subarray(at, at + into.length);
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
  };
  const body = new ChunkedBody(new ConnectionReader(input));
  return (async () => {
    while (await body.read() !== null) { /* the next piece */ }
  })().catch(() => {});
};

/** An input of about so many bytes, and what reads it. */
const INPUTS: Readonly<Record<string, (bytes: number) => () => unknown>> = {
  "request: JSON, a long text": (n) => () => payloadOf(encode(`{"model":"${"x".repeat(n)}"}`)),
  "request: JSON, escapes": (n) => () => payloadOf(encode(`{"a":"${"\\u0041".repeat(n / 6)}"}`)),
  "request: JSON, wide": (n) => () => payloadOf(encode(`{${'"a":1,'.repeat(n / 6)}"b":1}`)),
  "request: JSON, models": (n) => () => payloadOf(encode(`{"models":[${'"a",'.repeat(n / 4)}"b"]}`)),
  "request: JSON, deep": (n) => () => payloadOf(fill("[", n)),
  "request: JSON, a wide generationConfig": (n) => () =>
    payloadOf(encode(`{"generationConfig":{${'"a":1,'.repeat(n / 6)}"b":1}}`)),
  "request: JSON, long keys": (n) => () => payloadOf(encode(`{"${"k".repeat(n)}":1}`)),
  "request: a form of carriage returns": (n) => () =>
    payloadOf(encode(`--b\r\n${"\r".repeat(n)}`), "multipart/form-data; boundary=b"),
  "request: a form of almost boundaries": (n) => () =>
    payloadOf(
      encode(`--bbbb\r\nContent-Disposition: form-data; name="a"\r\n\r\n${"\r\n--bbb".repeat(n / 7)}`),
      "multipart/form-data; boundary=bbbb",
    ),
  "request: a batch of short lines": (n) => () =>
    payloadOf(
      encode(
        `--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n${
          "{}\n".repeat(n / 3)
        }\r\n--b--`,
      ),
      "multipart/form-data; boundary=b",
    ),
  "request: read whole, byte by byte": (n) => () => readUpTo(inPieces(new Uint8Array(n), 1), 1e9),
  "request: remembered, byte by byte": (n) => () =>
    drained(new ReplayableBody(inPieces(new Uint8Array(n), 1), 1e9).attempt()),
  "request: watched, byte by byte": (n) => () =>
    tapped(
      new RequestTap({ contentType: undefined, path: "/" }),
      encode(`{"model":"${"x".repeat(n)}"}`),
      1,
    ),
  "request: a form that is watched, byte by byte": (n) => () =>
    tapped(new RequestTap({ contentType: "multipart/form-data", path: "/" }), new Uint8Array(n), 1),
  "chunks of one byte": (n) => () => chunked(fill("1\r\nx\r\n", n)),
  "chunks with extensions": (n) => () => chunked(fill(`1;${"a".repeat(90)}\r\nx\r\n`, n)),
  "trailers": (n) => () => chunked(encode(`0\r\n${"a: b\r\n".repeat(n / 6)}`)),
  "answer: events, byte by byte": (n) => () => tapped(eventTap(), fill('data: {"usage":{"a":1}}\n\n', n), 1),
  "answer: one event, byte by byte": (n) => () =>
    tapped(eventTap(), encode(`data: {"usage":"${"x".repeat(n)}`), 1),
  "answer: lines that end in CR": (n) => () => tapped(eventTap(), fill("data: 1\r", n), n),
  "answer: lines that end in LF": (n) => () => tapped(eventTap(), fill("data: 1\n", n), n),
  "answer: nested": (n) => () => tapped(AnswerTap.of("application/json", undefined), fill("[", n), n),
  "answer: one value, byte by byte": (n) => () =>
    tapped(AnswerTap.of("application/json", undefined), encode(`{"usage":"${"x".repeat(n)}`), 1),
  "hidden usage: one event, byte by byte": (n) => () =>
    drained(new HiddenUsage(inPieces(encode(`data: {"choices":[],"usage":"${"x".repeat(n)}"}\n\n`), 1))),
  "hidden usage: events in one piece": (n) => () =>
    drained(new HiddenUsage(inPieces(fill('data: {"choices":[],"usage":{}}\n\n', n), n))),
  "hidden usage: lines that end in CR": (n) => () =>
    drained(new HiddenUsage(inPieces(fill("data: 1\r", n), n))),
  "hidden usage: an event of many lines": (n) => () =>
    drained(new HiddenUsage(inPieces(fill('data: "usage"\n', n), 1_000))),
  "WebSocket: frames of one byte": (n) => () =>
    tapped({ write: (piece) => new FrameReader(1e9).pass(piece) }, fill("\x81\x01x", n), n),
  "WebSocket: a session, byte by byte": (n) => () => tapped(new RealtimeTap(), fill("\x81\x01x", n), 1),
  "WebSocket: what a client says, byte by byte": (n) => () => {
    const tap = new RealtimeTap();
    tapped({ write: (piece) => tap.sent(piece) }, fill("\x81\x81\0\0\0\0x", n), 1);
  },
};
/** Inputs that are as long as a head may be. */
const HEADS: Readonly<Record<string, (bytes: number) => () => unknown>> = {
  "head: many fields": (n) => {
    const text = `GET / HTTP/1.1\r\n${"a: b\r\n".repeat(n / 6)}x: y`;
    return () => parseHead(text, 1e6);
  },
  "head: one long field": (n) => () => parseHead(`GET / HTTP/1.1\r\nx: ${" ".repeat(n)}y`, 100),
  "path: many segments":
    (n) => () => (parseRequestTarget("/a".repeat(n / 2)), modelsInPath("/models".repeat(n / 7))),
  "path: encoded": (n) => () => (parseRequestTarget("/%61".repeat(n / 4)), ambiguityOf("/%62".repeat(n / 4))),
  "query: many parameters":
    (n) => () => (withoutParameter("a=&".repeat(n / 3), "key"), modelsInQuery("a=&".repeat(n / 3))),
  "query: many encoded parameters": (n) => () => withoutParameter("%61=&".repeat(n / 5), "key"),
  "credentials: many": (n) => () =>
    findCredentials(fieldsOf(`sec-websocket-protocol: ${"a,".repeat(n / 2)}`), ""),
  "glob: many stars": (n) => () => matchesAny([`${"a*".repeat(20)}b`], "a".repeat(n / 100)),
};

/** The quickest of some runs, in milliseconds. */
async function quickest(work: () => unknown): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < 5; run++) {
    const begun = performance.now();
    await work();
    best = Math.min(best, performance.now() - begun);
  }
  return best;
}

for (const [inputs, small] of [[INPUTS, 64 * 1024], [HEADS, 8 * 1024]] as const) {
  for (const [name, make] of Object.entries(inputs)) {
    Deno.test(`linear cost: ${name}`, async () => {
      // Once for the compiler.
      await make(small)();
      const [once, eight] = [await quickest(make(small)), await quickest(make(small * 8))];
      // Eight times the bytes: eight times the work, and 64 times where it is quadratic.
      assert(
        eight < Math.max(once, 1) * 30,
        `${once.toFixed(2)} ms for a part, ${eight.toFixed(2)} ms for eight`,
      );
    });
  }
}
