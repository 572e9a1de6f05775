/**
 * Requests over HTTP/2 whose fields are strange: how each is answered, and what of it reaches the upstream.
 */

import { END_HEADERS, frame, GET, HTTPS, literal, POST, WHOLE } from "../../support/clients/http2_frames.ts";
import { SECRETS } from "../../support/data/secrets.ts";
import { head } from "./h2spec_cases.ts";

/** One request on stream 1. */
export interface FieldCase {
  readonly name: string;
  readonly frames: readonly Uint8Array<ArrayBuffer>[];
  /** As in `h2spec_cases.ts`. */
  readonly ends: string;
  /** Its method and target, then all its fields but `host` and the credential; undefined: nothing arrives. */
  readonly upstream?: readonly string[];
}

const KEY = literal("x-api-key", SECRETS.proxyToken);

const sent = (...fields: readonly (readonly [string, string])[]) => [
  frame("headers", WHOLE, 1, [...head(), ...fields.flatMap(([name, value]) => literal(name, value))]),
];
const path = (value: string) => [frame("headers", WHOLE, 1, head(value))];
const authority = (...values: readonly string[]) => [
  frame("headers", WHOLE, 1, [
    GET,
    HTTPS,
    ...literal(":path", "/openai/v1/x"),
    ...values.flatMap((value) => literal(":authority", value)),
    ...KEY,
  ]),
];
const pseudoLast = (name: string, value: string) => [
  frame("headers", WHOLE, 1, [...head(), ...literal(name, value)]),
];
const lengths = (...values: readonly string[]) => [
  frame("headers", END_HEADERS, 1, [
    ...head("/openai/v1/x", POST),
    ...values.flatMap((value) => literal("content-length", value)),
  ]),
  frame("data", 1, 1, [0x68, 0x69]),
];

/** All of them. */
export const FIELD_CASES: readonly FieldCase[] = [
  // The runtime cuts the fragment off; over HTTP/1.1 it is a 400.
  {
    name: ":path with a fragment",
    frames: path("/openai/v1/x#frag"),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x"],
  },
  {
    name: ":path with a fragment behind a query",
    frames: path("/openai/v1/x?a=1#frag"),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x?a=1"],
  },
  { name: ":path that is a fragment", frames: path("#frag"), ends: "answer 200" },
  // The runtime reads it with a slash.
  {
    name: ":path without a leading slash",
    frames: path("openai/v1/x"),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x"],
  },
  { name: ":path without a leading slash, with a colon", frames: path("openai:80/v1/x"), ends: "answer 404" },
  {
    name: ":path with userinfo in place of a slash",
    frames: path("@evil.test/openai/v1/x"),
    ends: "answer 404",
  },
  { name: ":path that is a query", frames: path("?a=1"), ends: "answer 200" },
  { name: ":path that is empty", frames: path(""), ends: "reset PROTOCOL_ERROR" },
  // The front page: the runtime gives no path at all.
  { name: ":path that is *", frames: path("*"), ends: "answer 200" },
  { name: ":path that is a whole URL", frames: path("https://evil.test/openai/v1/x"), ends: "answer 404" },
  { name: ":path with a space", frames: path("/openai/v1/x y"), ends: "reset PROTOCOL_ERROR" },
  { name: ":path with a line break", frames: path("/openai/v1/x\r\nx-a: 1"), ends: "reset PROTOCOL_ERROR" },
  // One byte of Latin-1 in place of the two that came.
  {
    name: ":path with bytes beyond ASCII",
    frames: path("/openai/v1/\u00e9"),
    ends: "answer 200",
    // The two bytes of its UTF-8, as text of one character for each byte.
    upstream: ["GET /openai/v1/\u00c3\u00a9"],
  },
  {
    name: ":path with marks that URLs escape",
    frames: path('/openai/v1/x"<>^`{|}'),
    ends: "reset PROTOCOL_ERROR",
  },
  { name: "no :authority", frames: authority(), ends: "answer 200", upstream: ["GET /openai/v1/x"] },
  {
    name: "no :authority, but host",
    frames: [
      frame("headers", WHOLE, 1, [
        GET,
        HTTPS,
        ...literal(":path", "/openai/v1/x"),
        ...literal("host", "h"),
        ...KEY,
      ]),
    ],
    ends: "answer 200",
    upstream: ["GET /openai/v1/x"],
  },
  // A server may take it as malformed (RFC 9113, 8.3.1). The upstream gets its own host.
  {
    name: ":authority and another host",
    frames: sent(["host", "other.test"]),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x"],
  },
  { name: ":authority and two hosts", frames: sent(["host", "a"], ["host", "b"]), ends: "answer 400" },
  { name: ":authority that is empty", frames: authority(""), ends: "reset PROTOCOL_ERROR" },
  { name: ":authority with userinfo", frames: authority("user:secret@p"), ends: "answer 400" },
  { name: ":authority with a path", frames: authority("p/openai/v1/y"), ends: "reset PROTOCOL_ERROR" },
  { name: ":authority with a query", frames: authority("p?a=1"), ends: "reset PROTOCOL_ERROR" },
  { name: "two :authority", frames: authority("p", "q"), ends: "reset PROTOCOL_ERROR" },
  { name: "a field name in capitals", frames: sent(["X-A", "1"]), ends: "goaway PROTOCOL_ERROR" },
  { name: "an empty field name", frames: sent(["", "1"]), ends: "goaway PROTOCOL_ERROR" },
  { name: "a field name with a space", frames: sent(["x a", "1"]), ends: "goaway PROTOCOL_ERROR" },
  { name: "a field name with a colon", frames: sent(["x:a", "1"]), ends: "goaway PROTOCOL_ERROR" },
  { name: "connection: close", frames: sent(["connection", "close"]), ends: "reset PROTOCOL_ERROR" },
  {
    name: "connection that names a field",
    frames: sent(["connection", "x-a"], ["x-a", "1"]),
    ends: "reset PROTOCOL_ERROR",
  },
  { name: "keep-alive", frames: sent(["keep-alive", "timeout=5"]), ends: "reset PROTOCOL_ERROR" },
  {
    name: "proxy-connection",
    frames: sent(["proxy-connection", "keep-alive"]),
    ends: "reset PROTOCOL_ERROR",
  },
  { name: "upgrade", frames: sent(["upgrade", "websocket"]), ends: "reset PROTOCOL_ERROR" },
  {
    name: "transfer-encoding: chunked",
    frames: sent(["transfer-encoding", "chunked"]),
    ends: "reset PROTOCOL_ERROR",
  },
  { name: "te: gzip", frames: sent(["te", "gzip"]), ends: "reset PROTOCOL_ERROR" },
  {
    name: "te: trailers",
    frames: sent(["te", "trailers"]),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x"],
  },
  {
    name: ":path behind other fields",
    frames: pseudoLast(":path", "/openai/v1/y"),
    ends: "reset PROTOCOL_ERROR",
  },
  {
    name: ":authority behind other fields",
    frames: pseudoLast(":authority", "q"),
    ends: "reset PROTOCOL_ERROR",
  },
  {
    name: ":method behind other fields",
    frames: pseudoLast(":method", "POST"),
    ends: "reset PROTOCOL_ERROR",
  },
  {
    name: "two :path",
    frames: [
      frame("headers", WHOLE, 1, [
        GET,
        HTTPS,
        ...literal(":path", "/openai/v1/x"),
        ...literal(":path", "/openai/v1/y"),
        ...literal(":authority", "p"),
        ...KEY,
      ]),
    ],
    ends: "reset PROTOCOL_ERROR",
  },
  {
    name: ":scheme that is no scheme",
    frames: [
      frame("headers", WHOLE, 1, [
        GET,
        ...literal(":scheme", "ht tp"),
        ...literal(":path", "/openai/v1/x"),
        ...literal(":authority", "p"),
        ...KEY,
      ]),
    ],
    ends: "reset PROTOCOL_ERROR",
  },
  {
    name: ":scheme http, over TLS",
    frames: [
      frame("headers", WHOLE, 1, [
        GET,
        0x86,
        ...literal(":path", "/openai/v1/x"),
        ...literal(":authority", "p"),
        ...KEY,
      ]),
    ],
    ends: "answer 200",
    upstream: ["GET /openai/v1/x"],
  },
  {
    name: ":protocol, of extended CONNECT",
    frames: [
      frame("headers", WHOLE, 1, [
        ...literal(":method", "CONNECT"),
        HTTPS,
        ...literal(":path", "/openai/v1/x"),
        ...literal(":authority", "p"),
        ...literal(":protocol", "websocket"),
        ...KEY,
      ]),
    ],
    ends: "reset PROTOCOL_ERROR",
  },
  {
    name: ":method with a space",
    frames: [
      frame("headers", WHOLE, 1, [
        ...literal(":method", "GE T"),
        HTTPS,
        ...literal(":path", "/openai/v1/x"),
        ...literal(":authority", "p"),
        ...KEY,
      ]),
    ],
    ends: "goaway PROTOCOL_ERROR",
  },
  {
    name: "one content-length",
    frames: lengths("2"),
    ends: "answer 200",
    upstream: ["POST /openai/v1/x", "content-length: 2"],
  },
  { name: "two content-lengths that agree", frames: lengths("2", "2"), ends: "answer 400" },
  { name: "two content-lengths that do not agree", frames: lengths("2", "3"), ends: "answer 400" },
  { name: "two content-lengths, the second right", frames: lengths("3", "2"), ends: "reset PROTOCOL_ERROR" },
  { name: "a content-length with a sign", frames: lengths("+2"), ends: "reset PROTOCOL_ERROR" },
  { name: "a content-length that is a list", frames: lengths("2, 2"), ends: "reset PROTOCOL_ERROR" },
  {
    name: "a content-length on a GET without DATA",
    frames: sent(["content-length", "2"]),
    ends: "reset PROTOCOL_ERROR",
  },
  { name: "a value with a line break", frames: sent(["x-a", "1\r\nx-b: 2"]), ends: "goaway PROTOCOL_ERROR" },
  { name: "a value with a zero byte", frames: sent(["x-a", "1\0"]), ends: "goaway PROTOCOL_ERROR" },
  // Malformed by RFC 9113, 8.2.1; the runtime trims it.
  {
    name: "a value with spaces around it",
    frames: sent(["x-a", " 1 "]),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x", "x-a: 1"],
  },
  // The runtime joins them, as RFC 9110, 5.3 allows.
  {
    name: "two fields of one name",
    frames: sent(["x-a", "1"], ["x-a", "2"]),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x", "x-a: 1, 2"],
  },
  {
    name: "cookie in two fields",
    frames: sent(["cookie", "a=1"], ["cookie", "b=2"]),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x", "cookie: a=1; b=2"],
  },
  {
    name: "expect: 100-continue",
    frames: sent(["expect", "100-continue"]),
    ends: "answer 200",
    upstream: ["GET /openai/v1/x"],
  },
];
