/**
 * The cost of an input grows linearly with its bytes, for every reader of requests and responses and for
 * every form of input: deep, wide, long, or cut into pieces of one byte.
 */

import { assert } from "@std/assert";
import process from "node:process";
import { ResponseTap } from "../src/accounting/taps/response_tap.ts";
import { RealtimeTap } from "../src/accounting/taps/realtime_tap.ts";
import { RequestTap } from "../src/accounting/taps/request_tap.ts";
import { credentialWords, findCredentials } from "../src/auth/credential.ts";
import { malformedCredential } from "../src/auth/well_formed.ts";
import { HiddenUsage } from "../src/forwarding/stream_usage/hidden_usage.ts";
import { ReplayableBody } from "../src/forwarding/replayable_body.ts";
import { isInert } from "../src/forwarding/inert_types.ts";
import { withoutUsage } from "../src/forwarding/stream_usage/stream_usage.ts";
import { operationOf, recognisedPath } from "../src/apis/operation_of.ts";
import { matchesAny } from "../src/text/glob.ts";
import { harmlessText } from "../src/text/harmless_text.ts";
import { ClientAccess } from "../src/auth/client_access.ts";
import { FailureGate } from "../src/auth/failure_gate.ts";
import { modelsInHead } from "../src/payload/models_in_head.ts";
import { hopByHopTest } from "../src/http/hop_by_hop.ts";
import { limitsOfModels } from "../src/limits/model_rules.ts";
import { ChunkedBody } from "../src/http/body.ts";
import { parseHead } from "../src/http/head.ts";
import { readUpTo } from "../src/streams/read_whole.ts";
import { ConnectionReader } from "../src/http/reader.ts";
import { modelsInPath, modelsInQuery } from "../src/payload/models_in_head.ts";
import { parseMediaType } from "../src/payload/media_type.ts";
import { readPayload } from "../src/payload/read_payload.ts";
import { jsonFacts } from "../src/payload/request_facts.ts";
import { withoutParameter, withParameter } from "../src/http/join_url.ts";
import { ambiguityOf, parseRequestTarget } from "../src/http/request_target.ts";
import { parseRequestHead } from "../src/server/request_head.ts";
import { responseBlock } from "../src/server/http2/response_block.ts";
import { setsSessionCookie, withoutSessionCookie } from "../src/http/session_cookie.ts";
import { FrameReader } from "../src/payload/websocket_frames.ts";
import { contentFields, fieldsOf } from "./support/data/fields.ts";
import { type MessageBody, nextPiece } from "../src/streams/byte_source.ts";
import { allowsPaths } from "./support/data/allows_paths.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const fill = (unit: string, bytes: number) => encode(unit.repeat(Math.ceil(bytes / unit.length)));

/** A body of bytes, in pieces of a given length. */
function inPieces(bytes: Uint8Array, size: number): MessageBody {
  let at = 0;
  const tryRead = () => at >= bytes.length ? null : bytes.subarray(at, at += size);
  return { length: undefined, tryRead, readable: () => Promise.resolve(), cancel() {} };
}

async function drained(body: MessageBody): Promise<void> {
  while (await nextPiece(body) !== null) { /* the next piece */ }
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
    operation: "files",
    maxBytes: 1e9,
    mustBeKnown: true,
    readsFiles: true,
    hold() {},
  }).catch(() => {});
/** A form of one part with the head. */
const formOf = (head: string) =>
  payloadOf(encode(`--b\r\n${head}\r\n\r\nx\r\n--b--\r\n`), "multipart/form-data; boundary=b");
const eventTap = () => ResponseTap.of(contentFields("text/event-stream"));
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
    while (await nextPiece(body) !== null) { /* the next piece */ }
  })().catch(() => {});
};

/** A function that makes an input of a given length, and the code that reads it. */
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
      new RequestTap({ contentType: undefined, path: "/", operation: "unknown" }),
      encode(`{"model":"${"x".repeat(n)}"}`),
      1,
    ),
  "request: a form that is watched, byte by byte": (n) => () =>
    tapped(
      new RequestTap({ contentType: "multipart/form-data", path: "/", operation: "unknown" }),
      new Uint8Array(n),
      1,
    ),
  "chunks of one byte": (n) => () => chunked(fill("1\r\nx\r\n", n)),
  "chunks with extensions": (n) => () => chunked(fill(`1;${"a".repeat(90)}\r\nx\r\n`, n)),
  "trailers": (n) => () => chunked(encode(`0\r\n${"a: b\r\n".repeat(n / 6)}`)),
  "answer: events, byte by byte": (n) => () => tapped(eventTap(), fill('data: {"usage":{"a":1}}\n\n', n), 1),
  "answer: one event, byte by byte": (n) => () =>
    tapped(eventTap(), encode(`data: {"usage":"${"x".repeat(n)}`), 1),
  "answer: lines that end in CR": (n) => () => tapped(eventTap(), fill("data: 1\r", n), n),
  "answer: lines that end in LF": (n) => () => tapped(eventTap(), fill("data: 1\n", n), n),
  "answer: nested": (n) => () => tapped(ResponseTap.of(contentFields("application/json")), fill("[", n), n),
  "answer: one value, byte by byte": (n) => () =>
    tapped(ResponseTap.of(contentFields("application/json")), encode(`{"usage":"${"x".repeat(n)}`), 1),
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
  "query: many keys": (n) => () => findCredentials([], "key=a&".repeat(n / 6)),
  "query: many other parameters": (n) => () => findCredentials([], "kez=a&".repeat(n / 6)),
  "fields: many of a response over HTTP/2": (n) => {
    const lines = Array.from({ length: n / 16 }, (_, at) => `x-${at}: a`);
    const fields = fieldsOf(...lines, ...lines);
    return () => responseBlock({ status: 200, fields, length: undefined });
  },
  "fields: many that the connection names": (n) => {
    const names = Array.from({ length: n / 16 }, (_, at) => `x-${at}`);
    const fields = fieldsOf(`connection: ${names.join(",")}`, ...names.map((name) => `y${name}: a`));
    return () => {
      const isHopByHop = hopByHopTest(fields);
      return fields.filter(({ lower }) => !isHopByHop(lower));
    };
  },
  "credentials: many": (n) => () =>
    findCredentials(fieldsOf(`sec-websocket-protocol: ${"a,".repeat(n / 2)}`), ""),
  "glob: many stars": (n) => () => matchesAny([`${"a*".repeat(20)}b`], "a".repeat(n / 100)),
};

/** Characters that readers treat as separators, repeat or strip. */
const RUNS = [
  " ",
  "\t",
  " \n",
  ",",
  ";",
  "; ",
  '"',
  "\\",
  "&",
  "=",
  "%",
  "%2",
  "+",
  "-",
  ".",
  "/",
  ":",
  "a",
  "0",
];
/** The readers of texts of clients and upstreams, by the text that contains the run. */
const TEXT_READERS: Readonly<Record<string, (run: string) => unknown>> = {
  "head of a form's part": (run) => formOf(`content-type:${run}\n`),
  "disposition of a form's part": (run) => formOf(`content-disposition: form-data; name="a"${run}!`),
  "name in a form's part": (run) => formOf(`content-disposition: form-data; name="${run}`),
  "file name in a form's part": (run) => formOf(`content-disposition: form-data; name="a"; filename="${run}`),
  "length of a form's part": (run) => formOf(`content-length:${run}!`),
  "media type": (run) => parseMediaType(`a/b${run}!`),
  "media type's parameter": (run) => parseMediaType(`a/b; c=${run}!`),
  "content type of a request": (run) => payloadOf(encode("{}"), `application/json${run}!`),
  "content type of a response": (run) => {
    const fields = [{ name: "content-type", lower: "content-type", value: `text/plain${run}!` }];
    isInert(fields);
    ResponseTap.of(contentFields(`application/json${run}!`));
    withoutUsage({ fields, body: null });
  },
  "cookies": (run) => (setsSessionCookie(`${run}a=b`), withoutSessionCookie(`${run}a=b`)),
  "query": (run) => (withoutParameter(run, "key"), withParameter(run, "model", "x"), modelsInQuery(run)),
  "path": (run) => {
    const path = `/v1${run}x`;
    parseRequestTarget(path);
    ambiguityOf(path);
    modelsInPath(path);
    recognisedPath(path);
    allowsPaths(["/v1/*"], [path]);
    jsonFacts(
      encode("{}"),
      {
        models: [],
        namesModel: false,
        places: [],
        members: new Map(),
        prompts: 0,
        refersElsewhere: false,
        media: 0,
        hostedTools: [],
        cacheWrites: undefined,
        firstKey: undefined,
      },
      operationOf("POST", path),
    );
  },
  "credential": (run) => {
    const fields = [{ name: "authorization", lower: "authorization", value: `Bearer ${run} !` }];
    credentialWords(findCredentials(fields, ""), fields);
    malformedCredential(fields, "");
  },
  "host": (run) => parseRequestHead(parseHead(`GET / HTTP/1.1\r\nhost: a${run}!`, 10)),
  "request line": (run) => parseRequestHead(parseHead(`GET ${run} HTTP/1.1 \r\nhost: a`, 10)),
  "form that is watched": (run) => {
    const tap = new RequestTap({ contentType: "multipart/form-data", path: "/", operation: "unknown" });
    tap.write(encode(`\r\ncontent-disposition:${run}!`));
    tap.facts();
  },
  "text in a message": (run) => harmlessText(run, 100),
};

/**
 * The CPU time of this process in milliseconds, which does not grow while other processes use the machine.
 */
function workedMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The shortest of some runs, in milliseconds of CPU time. */
async function quickest(work: () => unknown): Promise<number> {
  let best = Infinity;
  for (let run = 0; run < 5; run++) {
    const begun = workedMs();
    await work();
    best = Math.min(best, workedMs() - begun);
  }
  return best;
}

for (const [inputs, small] of [[INPUTS, 64 * 1024], [HEADS, 8 * 1024]] as const) {
  for (const [name, make] of Object.entries(inputs)) {
    Deno.test(`linear cost: ${name}`, async () => {
      // The first run is for the compiler.
      await make(small)();
      const [once, eight] = [await quickest(make(small)), await quickest(make(small * 8))];
      // Eight times the bytes are eight times the work if the cost is linear, and 64 times if it is
      // quadratic.
      assert(
        eight < Math.max(once, 1) * 30,
        `${once.toFixed(2)} ms for a part, ${eight.toFixed(2)} ms for eight`,
      );
    });
  }
}

/**
 * Heads of 60,000 bytes that repeat one part, each with the same head that has the part once, and their
 * reader.
 */
const REPEATED: Readonly<Record<string, (times: number) => unknown>> = {
  "names of models in a header, under a rule": (times) =>
    limitsOfModels(
      [{ model: "gpt-5*", requestsPerMinute: 1 }],
      modelsInHead({
        path: "/",
        query: "",
        fields: fieldsOf(`x-model: ${"ab,".repeat(20_000 * times)}ab`),
        isWebSocket: false,
      }).possiblyNamed,
    ),
  "keys in a query": (times) => {
    const query = "key=a&".repeat(10_000 * times) + "key=a";
    const gate = new FailureGate({ now: () => 0, epochMs: () => 0, after: () => () => {} });
    for (let guess = 0; guess < 9; guess++) gate.recordGuess("::1", `${guess}`, "query");
    const access = new ClientAccess({
      allowedIps: [],
      trustedProxies: [],
      allowedHosts: [],
      ownHostname: undefined,
    }, gate);
    return access.mustWait({ peer: "::1", fields: [] }, findCredentials([], query));
  },
};

for (const [name, read] of Object.entries(REPEATED)) {
  Deno.test(`linear cost: ${name}, as often as a head has room for`, async () => {
    await read(1);
    const many = (times: number) =>
      quickest(() => {
        for (let run = 0; run < 20; run++) read(times);
      });
    const [once, often] = [await many(0), await many(1)];
    // Each repetition costs less than the first one, because the reader only recognises it.
    assert(often < Math.max(once, 1) + 60, `${once.toFixed(2)} ms once, ${often.toFixed(2)} ms repeated`);
  });
}

for (const [name, read] of Object.entries(TEXT_READERS)) {
  Deno.test(`linear cost: runs in a ${name}`, async () => {
    const attempt = async (unit: string, bytes: number): Promise<number> => {
      const run = unit.repeat(bytes / unit.length);
      const begun = workedMs();
      try {
        await read(run);
      } catch {
        // A rejected input has a cost too.
      }
      return workedMs() - begun;
    };
    for (const unit of RUNS) {
      const small = Math.min(await attempt(unit, 1_500), await attempt(unit, 1_500));
      // A cubic cost would take seconds here.
      assert(small < 100, `${small.toFixed(0)} ms for 1.5 KB of ${JSON.stringify(unit)}`);
      const [once, eight] = [
        Math.min(await attempt(unit, 7_500), await attempt(unit, 7_500)),
        Math.min(await attempt(unit, 60_000), await attempt(unit, 60_000)),
      ];
      assert(
        eight < Math.max(once, 1) * 30,
        `${JSON.stringify(unit)}: ${once.toFixed(2)} ms for a part, ${eight.toFixed(2)} ms for eight`,
      );
    }
  });
}
