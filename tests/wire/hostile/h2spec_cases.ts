/**
 * The cases of h2spec's list that a server can meet, by the text of RFC 9113 and RFC 7541. A case that ends
 * otherwise than the text asks has `lax`, which says what that means.
 */

import {
  ACK,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  HTTPS,
  integer,
  literal,
  PADDED,
  POST,
  PREFACE,
  PRIORITY,
  setting,
  text,
  uint32,
  WHOLE,
} from "../../support/clients/http2_frames.ts";
import { SECRETS } from "../../support/data/secrets.ts";

/** What a client sends: frames, or a wait for the whole answer on stream 1. */
export type Step = Uint8Array<ArrayBuffer> | "answered";

/** One connection. */
export interface SpecCase {
  /** The section of h2spec, and what the client does. */
  readonly name: string;
  /** Behind the preface and empty SETTINGS, unless {@link raw}. */
  readonly steps: () => readonly Step[];
  /** Nothing is sent before the steps. */
  readonly raw?: boolean;
  /**
   * How it ends: `goaway CODE` is a connection error, after which the connection closes; `close` is the same
   * without a word; `reset CODE` is a stream error, after which the connection goes on; `answer STATUS` is
   * the answer on stream 1; `alive` says that nothing is refused, and that the next request is answered.
   */
  readonly ends: string;
  /** The text asks for another end: what it asks for, and what this one means. */
  readonly lax?: string;
}

/** The fields of a request. */
export function head(path = "/openai/v1/x", method: number = GET): number[] {
  return [method, HTTPS, ...literal(":path", path), ...rest()];
}

/** All fields but the first three pseudo ones. */
export function rest(): number[] {
  return [...literal(":authority", "p"), ...literal("x-api-key", SECRETS.proxyToken)];
}

const LESS_SPECIFIC = "a more specific error is asked for; the connection ends in the same way (RFC 9113, 7)";
const STRICTER = "a stream error is asked for; the runtime takes it as one of the connection (RFC 9113, 5.4)";
const MILDER = "a connection error is asked for; the stream was closed already, and nothing of it is read";
const HANG = "/openai/v1/hang";
const get = (stream = 1, path?: string) => frame("headers", WHOLE, stream, head(path));
const post = (stream = 1, path?: string) => frame("headers", END_HEADERS, stream, head(path, POST));
const data = (payload: readonly number[] | Uint8Array, flags = END_STREAM, stream = 1) =>
  frame("data", flags, stream, payload);
const withFields = (...fields: readonly number[][]) =>
  frame("headers", WHOLE, 1, [...head(), ...fields.flat()]);
const block = (...bytes: readonly number[][]) => frame("headers", WHOLE, 1, bytes.flat());
const BODY = [1, 2, 3, 4];
const TRAILER = literal("x-trailer", "1");
const priority = (dependency: number, weight = 15) => [...uint32(dependency), weight];
const opaque = [1, 2, 3, 4, 5, 6, 7, 8];
const split = (count: number): number[][] => {
  const whole = head();
  const size = Math.ceil(whole.length / count);
  return Array.from({ length: count }, (_, index) => whole.slice(index * size, (index + 1) * size));
};
const parts = (...frames: readonly Uint8Array<ArrayBuffer>[]) => () => frames;
/** Stream 1 with its head begun. */
const begun = () => frame("headers", END_STREAM, 1, split(2)[0]);
const ended = () => frame("continuation", END_HEADERS, 1, split(2)[1]);

const GENERIC: readonly SpecCase[] = [
  {
    name: "generic 2.1: PRIORITY on an idle stream, then its request",
    ends: "answer 200",
    steps: parts(frame("priority", 0, 1, priority(0)), get()),
  },
  {
    name: "generic 2.2: WINDOW_UPDATE on a half-closed stream",
    ends: "answer 200",
    steps: parts(get(), frame("window", 0, 1, uint32(100))),
  },
  {
    name: "generic 2.3: PRIORITY on a half-closed stream",
    ends: "answer 200",
    steps: parts(get(), frame("priority", 0, 1, priority(0))),
  },
  {
    name: "generic 2.4: RST_STREAM on a half-closed stream",
    ends: "alive",
    steps: parts(get(1, HANG), frame("reset", 0, 1, uint32(8))),
  },
  {
    name: "generic 2.5: PRIORITY on a closed stream",
    ends: "alive",
    steps: () => [get(), "answered", frame("priority", 0, 1, priority(0))],
  },
  { name: "generic 3.1/1: a DATA frame", ends: "answer 200", steps: parts(post(), data(BODY)) },
  {
    name: "generic 3.1/2: several DATA frames",
    ends: "answer 200",
    steps: parts(post(), data(BODY, 0), data(BODY, 0), data([])),
  },
  {
    name: "generic 3.1/3: a DATA frame with padding",
    ends: "answer 200",
    steps: parts(post(), data([6, ...BODY, 0, 0, 0, 0, 0, 0], END_STREAM | PADDED)),
  },
  {
    name: "generic 3.2/2: a HEADERS frame with padding",
    ends: "answer 200",
    steps: () => [frame("headers", WHOLE | PADDED, 1, [3, ...head(), 0, 0, 0])],
  },
  {
    name: "generic 3.2/3: a HEADERS frame with priority",
    ends: "answer 200",
    steps: () => [frame("headers", WHOLE | PRIORITY, 1, [...priority(0, 255), ...head()])],
  },
  ...[[1, priority(0, 0)], [2, priority(0, 255)], [3, priority(3)], [4, priority(0x80000003)]].map((
    [count, payload],
  ) => ({
    name: `generic 3.3/${count}: PRIORITY of another kind`,
    ends: "answer 200",
    // The second of each pair is the payload.
    steps: () => [frame("priority", 0, 1, payload as number[]), get()],
  })),
  {
    name: "generic 3.3/5: PRIORITY for an idle stream, then a request on a lower one",
    ends: "answer 200",
    steps: parts(frame("priority", 0, 9, priority(0)), get()),
  },
  {
    name: "generic 3.5: SETTINGS with known values",
    ends: "answer 200",
    steps: () => [
      frame("settings", 0, 0, [
        ...setting(1, 4096),
        ...setting(2, 0),
        ...setting(3, 100),
        ...setting(4, 65_535),
        ...setting(5, 16_384),
      ]),
      get(),
    ],
  },
  {
    name: "generic 3.8: GOAWAY lets a running request end",
    ends: "answer 200",
    steps: parts(get(), frame("goaway", 0, 0, [...uint32(0), ...uint32(0)])),
  },
  {
    name: "generic 3.9/1: WINDOW_UPDATE of the connection",
    ends: "answer 200",
    steps: parts(frame("window", 0, 0, uint32(1)), get()),
  },
  { name: "generic 3.10/1: one CONTINUATION", ends: "answer 200", steps: () => [begun(), ended()] },
  {
    name: "generic 3.10/2: several CONTINUATIONs",
    ends: "answer 200",
    steps: () =>
      split(4).map((part, at) =>
        at === 0
          ? frame("headers", END_STREAM, 1, part)
          : frame("continuation", at === 3 ? END_HEADERS : 0, 1, part)
      ),
  },
  { name: "generic 4/1: GET", ends: "answer 200", steps: parts(get()) },
  {
    name: "generic 4/2: HEAD",
    ends: "answer 200",
    steps: () => [block(literal(":method", "HEAD"), [HTTPS], literal(":path", "/openai/v1/x"), rest())],
  },
  {
    name: "generic 4/4: POST with trailers",
    ends: "answer 200",
    steps: parts(post(), data(BODY, 0), frame("headers", WHOLE, 1, TRAILER)),
  },
  {
    name: "generic 5/1: literal fields with incremental indexing, used again by their index",
    ends: "answer 200",
    steps: () => [block(head(), [0x40, ...text("x-a"), ...text("1")], [0xbe])],
  },
  {
    name: "generic 5/2: a literal field with an indexed name",
    ends: "answer 200",
    steps: () => [withFields([0x40 | 58, ...text("agent")])],
  },
  {
    name: "generic 5/3: a field that is never indexed",
    ends: "answer 200",
    steps: () => [withFields([0x10, ...text("x-a"), ...text("1")])],
  },
  {
    name: "generic 5/4: a Huffman-coded value",
    ends: "answer 200",
    steps: () => [withFields([0, ...text("x-a"), 0x81, 0x0f])],
  },
  {
    name: "generic 5/5: two changes of the table's size at the begin of a head",
    ends: "answer 200",
    steps: () => [block([0x20], [0x20 | 31, ...integer(4096, 5).slice(1)], head())],
  },
];

const FRAMES: readonly SpecCase[] = [
  {
    name: "3.5/2: no preface",
    raw: true,
    ends: "close",
    steps: parts(new TextEncoder().encode("INVALID CONNECTION PREFACE\r\n\r\n")),
  },
  {
    name: "3.5: a preface without SETTINGS",
    raw: true,
    ends: "alive",
    lax:
      "PROTOCOL_ERROR is asked for; without SETTINGS the defaults hold, and nothing is allowed that is not else",
    steps: parts(PREFACE, frame("ping", 0, 0, opaque)),
  },
  {
    name: "4.2/1: DATA of 2^14 bytes",
    ends: "answer 200",
    steps: () => [post(), data(new Uint8Array(16_384))],
  },
  {
    name: "4.2/2: DATA of more bytes than SETTINGS_MAX_FRAME_SIZE",
    ends: "goaway FRAME_SIZE_ERROR",
    steps: () => [post(), data(new Uint8Array(16_385))],
  },
  {
    name: "4.2/3: HEADERS of more bytes than SETTINGS_MAX_FRAME_SIZE",
    ends: "goaway FRAME_SIZE_ERROR",
    steps: () => [withFields(literal("x-a", "y".repeat(16_384)))],
  },
  {
    name: "4.3/1: a head that cannot be decoded",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [block([0x40])],
  },
  {
    name: "4.3/2: PRIORITY within a head",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [begun(), frame("priority", 0, 1, priority(0)), ended()],
  },
  {
    name: "4.3/3: HEADERS of another stream within a head",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [begun(), get(3), ended()],
  },
  {
    name: "6.1/1: DATA on stream 0",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [data(BODY, END_STREAM, 0)],
  },
  {
    name: "6.1/2: DATA on a closed stream",
    ends: "goaway PROTOCOL_ERROR",
    lax: STRICTER,
    steps: () => [get(1, HANG), data(BODY)],
  },
  {
    name: "6.1/3: DATA with more padding than payload",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [post(), data([9, ...BODY], END_STREAM | PADDED)],
  },
  {
    name: "6.2/1: a head without its end, then PRIORITY of another stream",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [begun(), frame("priority", 0, 3, priority(0))],
  },
  { name: "6.2/3: HEADERS on stream 0", ends: "goaway PROTOCOL_ERROR", steps: () => [get(0)] },
  {
    name: "6.2/4: HEADERS with more padding than payload",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("headers", WHOLE | PADDED, 1, [250, ...head()])],
  },
  {
    name: "6.3/1: PRIORITY on stream 0",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("priority", 0, 0, priority(0))],
  },
  {
    name: "6.3/2: PRIORITY of another length than 5",
    ends: "goaway PROTOCOL_ERROR",
    lax: STRICTER,
    steps: () => [post(1, HANG), frame("priority", 0, 1, [0, 0, 0, 0])],
  },
  {
    name: "6.4/1: RST_STREAM on stream 0",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("reset", 0, 0, uint32(8))],
  },
  {
    name: "6.4/3: RST_STREAM of another length than 4",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [post(1, HANG), frame("reset", 0, 1, [0, 0, 0])],
  },
  {
    name: "6.5/1: an acknowledgement of SETTINGS with a payload",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [frame("settings", ACK, 0, setting(3, 1))],
  },
  {
    name: "6.5/2: SETTINGS on a stream",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("settings", 0, 1, setting(3, 1))],
  },
  {
    name: "6.5/3: SETTINGS of a length that six does not divide",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [frame("settings", 0, 0, [0, 3, 0])],
  },
  {
    name: "6.5.2/1: SETTINGS_ENABLE_PUSH of 2",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("settings", 0, 0, setting(2, 2))],
  },
  {
    name: "6.5.2/2: SETTINGS_INITIAL_WINDOW_SIZE of 2^31",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [frame("settings", 0, 0, setting(4, 0x80000000))],
  },
  {
    name: "6.5.2/3: SETTINGS_MAX_FRAME_SIZE below 2^14",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("settings", 0, 0, setting(5, 16_383))],
  },
  {
    name: "6.5.2/4: SETTINGS_MAX_FRAME_SIZE above 2^24-1",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("settings", 0, 0, setting(5, 16_777_216))],
  },
  {
    name: "6.5.2/5: SETTINGS that nobody knows",
    ends: "alive",
    steps: () => [frame("settings", 0, 0, setting(255, 1))],
  },
  {
    name: "6.7/2: an acknowledgement of a PING that was not sent",
    ends: "alive",
    steps: () => [frame("ping", ACK, 0, opaque)],
  },
  {
    name: "6.7/3: PING on a stream",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("ping", 0, 1, opaque)],
  },
  {
    name: "6.7/4: PING of another length than 8",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [frame("ping", 0, 0, [1, 2, 3, 4, 5, 6])],
  },
  {
    name: "6.8/1: GOAWAY on a stream",
    ends: "close",
    lax: "PROTOCOL_ERROR is asked for; it is taken as any GOAWAY, which ends the connection as well",
    steps: () => [frame("goaway", 0, 1, [...uint32(0), ...uint32(0)])],
  },
  {
    name: "6.9/1: WINDOW_UPDATE of 0",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("window", 0, 0, uint32(0))],
  },
  {
    name: "6.9/2: WINDOW_UPDATE of 0 on a stream",
    ends: "goaway PROTOCOL_ERROR",
    lax: STRICTER,
    steps: () => [post(1, HANG), frame("window", 0, 1, uint32(0))],
  },
  {
    name: "6.9/3: WINDOW_UPDATE of another length than 4",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [frame("window", 0, 0, [0, 0, 1])],
  },
  {
    name: "6.9.1/2: a window of the connection above 2^31-1",
    ends: "goaway FLOW_CONTROL_ERROR",
    steps: () => [frame("window", 0, 0, uint32(0x7fffffff)), frame("window", 0, 0, uint32(0x7fffffff))],
  },
  {
    name: "6.9.1/3: a window of a stream above 2^31-1",
    ends: "reset FLOW_CONTROL_ERROR",
    steps: () => [
      post(1, HANG),
      frame("window", 0, 1, uint32(0x7fffffff)),
      frame("window", 0, 1, uint32(0x7fffffff)),
    ],
  },
  {
    name: "6.9.2: new SETTINGS that lift the window of a stream above 2^31-1",
    ends: "goaway FLOW_CONTROL_ERROR",
    steps: () => [
      post(1, HANG),
      frame("window", 0, 1, uint32(0x7fff0000)),
      frame("settings", 0, 0, setting(4, 0x7fffffff)),
    ],
  },
  {
    name: "6.10/2: CONTINUATION, then DATA before its end",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [begun(), frame("continuation", 0, 1, TRAILER), data(BODY)],
  },
  {
    name: "6.10/3: CONTINUATION on stream 0",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [begun(), frame("continuation", END_HEADERS, 0, TRAILER)],
  },
  {
    name: "6.10/4: CONTINUATION behind HEADERS with END_HEADERS",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [post(), frame("continuation", END_HEADERS, 1, TRAILER)],
  },
  {
    name: "6.10/5: CONTINUATION behind CONTINUATION with END_HEADERS",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [
      frame("headers", 0, 1, head(HANG, POST)),
      frame("continuation", END_HEADERS, 1, TRAILER),
      frame("continuation", END_HEADERS, 1, TRAILER),
    ],
  },
  {
    name: "6.10/6: CONTINUATION behind DATA",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [post(), data(BODY, 0), frame("continuation", END_HEADERS, 1, TRAILER)],
  },
  {
    name: "7/1: GOAWAY with an unknown error",
    ends: "answer 200",
    steps: () => [get(), frame("goaway", 0, 0, [...uint32(0), ...uint32(255)])],
  },
  {
    name: "7/2: RST_STREAM with an unknown error",
    ends: "alive",
    steps: () => [get(1, HANG), frame("reset", 0, 1, uint32(255))],
  },
  {
    name: "8.2/1: PUSH_PROMISE",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [get(1, HANG), frame("push", END_HEADERS, 1, [...uint32(2), ...head()])],
  },
];

const STREAMS: readonly SpecCase[] = [
  { name: "5.1/1: DATA on an idle stream", ends: "goaway PROTOCOL_ERROR", steps: () => [data(BODY)] },
  {
    name: "5.1/2, 6.4/2: RST_STREAM on an idle stream",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("reset", 0, 1, uint32(8))],
  },
  {
    name: "5.1/3: WINDOW_UPDATE on an idle stream",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("window", 0, 1, uint32(100))],
  },
  {
    name: "5.1/4: CONTINUATION on an idle stream",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [frame("continuation", END_HEADERS, 1, head())],
  },
  {
    name: "5.1/5: DATA on a half-closed stream",
    ends: "goaway PROTOCOL_ERROR",
    lax: STRICTER,
    steps: () => [get(1, HANG), data(BODY)],
  },
  {
    name: "5.1/6: HEADERS on a half-closed stream",
    ends: "goaway PROTOCOL_ERROR",
    lax: STRICTER,
    steps: () => [get(1, HANG), get(1, HANG)],
  },
  {
    name: "5.1/7: CONTINUATION on a half-closed stream",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [get(1, HANG), frame("continuation", END_HEADERS, 1, TRAILER)],
  },
  {
    name: "5.1/8: DATA behind RST_STREAM",
    ends: "reset STREAM_CLOSED",
    steps: () => [post(1, HANG), frame("reset", 0, 1, uint32(8)), data(BODY)],
  },
  {
    name: "5.1/9: HEADERS behind RST_STREAM",
    ends: "goaway PROTOCOL_ERROR",
    lax: STRICTER,
    steps: () => [post(1, HANG), frame("reset", 0, 1, uint32(8)), get(1, HANG)],
  },
  {
    name: "5.1/10: CONTINUATION behind RST_STREAM",
    ends: "goaway PROTOCOL_ERROR",
    steps:
      () => [post(1, HANG), frame("reset", 0, 1, uint32(8)), frame("continuation", END_HEADERS, 1, TRAILER)],
  },
  {
    name: "5.1/11: DATA on a closed stream",
    ends: "reset STREAM_CLOSED",
    lax: MILDER,
    steps: () => [get(), "answered", data(BODY)],
  },
  {
    name: "5.1/12: HEADERS on a closed stream",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [get(), "answered", get()],
  },
  {
    name: "5.1/13: CONTINUATION on a closed stream",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [get(), "answered", frame("continuation", END_HEADERS, 1, TRAILER)],
  },
  { name: "5.1.1/1: a stream with an even number", ends: "goaway PROTOCOL_ERROR", steps: () => [get(2)] },
  {
    name: "5.1.1/2: a stream with a smaller number than one before",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [get(5), get(3)],
  },
  {
    name: "5.3.1/1: HEADERS that depend on their own stream",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [frame("headers", WHOLE | PRIORITY, 1, [...priority(1), ...head()])],
  },
  {
    name: "5.3.1/2: PRIORITY that depends on its own stream",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [frame("priority", 0, 1, priority(1))],
  },
  {
    name: "5.4.1/1: GOAWAY comes before the connection is closed",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [frame("ping", 0, 0, [1, 2])],
  },
  { name: "5.5/1: a frame of an unknown type", ends: "alive", steps: () => [frame(22, 0, 0, opaque)] },
  {
    name: "5.5/2: a frame of an unknown type within a head",
    ends: "goaway PROTOCOL_ERROR",
    steps: () => [begun(), frame(22, 0, 0, opaque), ended()],
  },
];

const pseudo = (...fields: readonly (readonly [string, string])[]) => () => [
  block(...fields.map(([name, value]) => literal(name, value)), literal("x-api-key", SECRETS.proxyToken)),
];
const METHOD = [":method", "GET"] as const;
const SCHEME = [":scheme", "https"] as const;
const PATH = [":path", "/openai/v1/x"] as const;
const AUTHORITY = [":authority", "p"] as const;

const MESSAGES: readonly SpecCase[] = [
  {
    name: "8.1/1: second HEADERS without END_STREAM",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [post(1, HANG), frame("headers", END_HEADERS, 1, TRAILER)],
  },
  {
    name: "8.1.2/1: a field name in capitals",
    ends: "goaway PROTOCOL_ERROR",
    lax: STRICTER,
    steps: () => [withFields(literal("X-TEST", "ok"))],
  },
  {
    name: "8.1.2.1/1: an unknown pseudo field",
    ends: "goaway PROTOCOL_ERROR",
    lax: STRICTER,
    steps: () => [block(literal(":test", "ok"), head())],
  },
  {
    name: "8.1.2.1/2: a pseudo field of answers",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [block(literal(":status", "200"), head())],
  },
  {
    name: "8.1.2.1/3: a pseudo field as a trailer",
    ends: "answer 200",
    lax: "a stream error is asked for; the runtime drops all trailers unread",
    steps: () => [post(), data(BODY, 0), frame("headers", WHOLE, 1, literal(":method", "200"))],
  },
  {
    name: "8.1.2.1/4: a pseudo field behind others",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [block([GET, HTTPS], literal("x-a", "1"), literal(":path", "/openai/v1/x"), rest())],
  },
  {
    name: "8.1.2.2/1: connection",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [withFields(literal("connection", "keep-alive"))],
  },
  {
    name: "8.1.2.2/2: te of another value than trailers",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [withFields(literal("te", "trailers, deflate"))],
  },
  {
    name: "8.1.2.3/1: an empty :path",
    ends: "reset PROTOCOL_ERROR",
    steps: pseudo(METHOD, SCHEME, [":path", ""], AUTHORITY),
  },
  { name: "8.1.2.3/2: no :method", ends: "reset PROTOCOL_ERROR", steps: pseudo(SCHEME, PATH, AUTHORITY) },
  { name: "8.1.2.3/3: no :scheme", ends: "reset PROTOCOL_ERROR", steps: pseudo(METHOD, PATH, AUTHORITY) },
  { name: "8.1.2.3/4: no :path", ends: "reset PROTOCOL_ERROR", steps: pseudo(METHOD, SCHEME, AUTHORITY) },
  {
    name: "8.1.2.3/5: two :method",
    ends: "reset PROTOCOL_ERROR",
    steps: pseudo(METHOD, METHOD, SCHEME, PATH, AUTHORITY),
  },
  {
    name: "8.1.2.3/6: two :scheme",
    ends: "reset PROTOCOL_ERROR",
    steps: pseudo(METHOD, SCHEME, SCHEME, PATH, AUTHORITY),
  },
  {
    name: "8.1.2.3/7: two :path",
    ends: "reset PROTOCOL_ERROR",
    steps: pseudo(METHOD, SCHEME, PATH, PATH, AUTHORITY),
  },
  {
    name: "8.1.2.6/1: a content-length that is not the length of its DATA",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [
      frame("headers", END_HEADERS, 1, [...head(undefined, POST), ...literal("content-length", "1")]),
      data(BODY),
    ],
  },
  {
    name: "8.1.2.6/2: a content-length that is not the length of several DATA",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [
      frame("headers", END_HEADERS, 1, [...head(undefined, POST), ...literal("content-length", "1")]),
      data(BODY, 0),
      data(BODY),
    ],
  },
  {
    name: "8.1.2.6: a content-length without DATA",
    ends: "reset PROTOCOL_ERROR",
    steps: () => [frame("headers", WHOLE, 1, [...head(undefined, POST), ...literal("content-length", "1")])],
  },
];

const HPACK: readonly SpecCase[] = [
  {
    name: "hpack 2.3.3/1: an index beyond both tables",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [withFields([0x80 | 70])],
  },
  {
    name: "hpack 2.3.3/2: a literal field with such an index for its name",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [withFields([0x40 | 62 + 8 & 63, 0x41])],
  },
  {
    name: "hpack 4.2/1: a change of the table's size behind a field",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [withFields([0x20])],
  },
  {
    name: "hpack 5.2/1: Huffman padding of more than seven bits",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [withFields([0, ...text("x-a"), 0x82, 0x0f, 0xff])],
  },
  {
    name: "hpack 5.2/2: Huffman padding of zeros",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [withFields([0, ...text("x-a"), 0x81, 0x08])],
  },
  {
    name: "hpack 5.2/3: a Huffman code with its end symbol",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [withFields([0, ...text("x-a"), 0x84, 0xff, 0xff, 0xff, 0xff])],
  },
  {
    name: "hpack 6.1/1: the index 0",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [withFields([0x80])],
  },
  {
    name: "hpack 6.3/1: a table larger than SETTINGS_HEADER_TABLE_SIZE",
    ends: "goaway PROTOCOL_ERROR",
    lax: LESS_SPECIFIC,
    steps: () => [block([0x20 | 31, ...integer(4_097, 5).slice(1)], head())],
  },
];

/** All of them. */
export const SPEC_CASES: readonly SpecCase[] = [...GENERIC, ...FRAMES, ...STREAMS, ...MESSAGES, ...HPACK];
