/**
 * The cases of the Autobahn test suite, as far as a proxy that passes frames byte for byte takes part in
 * them.
 */

import { CLOSE_CODES } from "../../../src/payload/websocket_frames.ts";
import { BINARY, CLOSE, closePayload, frame, PING, PONG, TEXT } from "../../support/clients/websocket.ts";

/** The longest message in these cases. */
export const MAX_MESSAGE_BYTES = 262_144;
const CONTINUATION = 0;

/** One connection, on which one side sends these frames. */
export interface AutobahnCase {
  /** With the number that the suite gives it. */
  readonly name: string;
  readonly frames: (isMasked: boolean) => readonly Uint8Array[];
  /**
   * The first frame that breaks a rule the proxy keeps, by its index, and the code that both sides get;
   * undefined: all of it arrives byte for byte.
   */
  readonly broken?: { readonly at: number; readonly code: number };
}

type Make = (
  opcode: number,
  payload?: string | Uint8Array,
  options?: { readonly isFinal?: boolean; readonly reserved?: number },
) => Uint8Array;

function one(
  name: string,
  frames: (make: Make) => readonly Uint8Array[],
  broken?: AutobahnCase["broken"],
): AutobahnCase {
  return {
    name,
    frames: (isMasked) =>
      frames((opcode, payload = "", options = {}) => frame(opcode, payload, { ...options, isMasked })),
    ...(broken && { broken }),
  };
}

const part = { isFinal: false };
const tooLong = (at: number) => ({ at, code: CLOSE_CODES.protocolError });
const tooBig = (at: number) => ({ at, code: CLOSE_CODES.tooBig });
const bytes = (...values: readonly number[]) => Uint8Array.from(values);
const hex = (text: string) => Uint8Array.fromHex(text);
const times = <Item>(count: number, make: (index: number) => Item): Item[] =>
  Array.from({ length: count }, (_, index) => make(index));

const FRAMING = [
  ...[0, 125, 126, 127, 128, 65_535, 65_536].flatMap((size, index) => [
    one(`1.1.${index + 1}: a text of ${size} bytes`, (make) => [make(TEXT, "*".repeat(size))]),
    one(`1.2.${index + 1}: ${size} binary bytes`, (make) => [make(BINARY, new Uint8Array(size).fill(0xfe))]),
  ]),
];

const PINGS = [
  one("2.1: an empty ping", (make) => [make(PING)]),
  one("2.2: a ping with a payload", (make) => [make(PING, "Hello, world!")]),
  one("2.3: a ping with a payload that is not UTF-8", (make) => [make(PING, hex("00fffefdfcfb00ff"))]),
  one("2.4: a ping of 125 bytes", (make) => [make(PING, new Uint8Array(125).fill(0xfe))]),
  one("2.5: a ping of 126 bytes", (make) => [make(PING, new Uint8Array(126).fill(0xfe))], tooLong(0)),
  one(
    "2.5: the same for a pong, behind a text",
    (make) => [make(TEXT, "a"), make(PONG, new Uint8Array(126))],
    tooLong(1),
  ),
  one("2.5: the same for a ping of 65536 bytes", (make) => [make(PING, new Uint8Array(65_536))], tooLong(0)),
  one("2.7: an empty pong that nobody asked for", (make) => [make(PONG)]),
  one("2.8: a pong with a payload that nobody asked for", (make) => [make(PONG, "unsolicited pong payload")]),
  one(
    "2.9: a pong that nobody asked for, then a ping",
    (make) => [make(PONG, "unsolicited"), make(PING, "ping")],
  ),
  one("2.10: ten pings", (make) => times(10, (index) => make(PING, `payload-${index}`))),
];

const RESERVED = [
  ...times(7, (index) => {
    const reserved = index + 1;
    return one(`3.${reserved}: reserved bits ${reserved}`, (make) => [
      make(TEXT, "Hello, world!"),
      make(reserved === 6 ? BINARY : TEXT, "Hello, world!", { reserved }),
      make(PING),
    ]);
  }),
  one("3: reserved bits on a ping", (make) => [make(PING, "a", { reserved: 7 })]),
];

const OPCODES = [
  ...[3, 4, 5, 6, 7].map((opcode, index) =>
    one(`4.1.${index + 1}: the data opcode ${opcode}, which has no meaning`, (make) => [
      make(TEXT, "Hello, world!"),
      make(opcode, index % 2 === 0 ? "" : "reserved opcode payload"),
      make(PING),
    ])
  ),
  ...[11, 12, 13, 14, 15].map((opcode, index) =>
    one(`4.2.${index + 1}: the control opcode ${opcode}, which has no meaning`, (make) => [
      make(TEXT, "Hello, world!"),
      make(opcode, index % 2 === 0 ? "" : "reserved opcode payload"),
      make(PING),
    ])
  ),
  one(
    "4.2: a control opcode without a meaning, with 126 bytes",
    (make) => [make(11, "x".repeat(126))],
    tooLong(0),
  ),
];

const FRAGMENTS = [
  one(
    "5.1: a ping in two fragments",
    (make) => [make(PING, "fragment1", part), make(CONTINUATION, "fragment2")],
  ),
  one(
    "5.2: a pong in two fragments",
    (make) => [make(PONG, "fragment1", part), make(CONTINUATION, "fragment2")],
  ),
  one(
    "5.3: a text in two fragments",
    (make) => [make(TEXT, "fragment1", part), make(CONTINUATION, "fragment2")],
  ),
  one("5.6: a text in two fragments with a ping between", (make) => [
    make(TEXT, "fragment1", part),
    make(PING, "ping payload"),
    make(CONTINUATION, "fragment2"),
  ]),
  one(
    "5.9: a continuation of nothing",
    (make) => [make(CONTINUATION, "non-continuation payload"), make(TEXT, "Hello")],
  ),
  one("5.12: a continuation of nothing that is not the last", (make) => [
    make(CONTINUATION, "non-continuation payload", part),
    make(TEXT, "Hello"),
  ]),
  one("5.15: a text in two fragments, then a continuation of nothing", (make) => [
    make(TEXT, "fragment1", part),
    make(CONTINUATION, "fragment2"),
    make(CONTINUATION, "fragment3", part),
    make(TEXT, "fragment4"),
  ]),
  one("5.16: continuations of nothing around a text, twice", (make) =>
    times(2, () => [
      make(CONTINUATION, "fragment1", part),
      make(TEXT, "fragment2", part),
      make(CONTINUATION, "fragment3"),
    ]).flat()),
  one("5.18: a text within a text", (make) => [make(TEXT, "fragment1", part), make(TEXT, "fragment2")]),
  one("5.19: a text in five fragments with pings between", (make) => [
    make(TEXT, "fragment1", part),
    make(CONTINUATION, "fragment2", part),
    make(PING, "ping 1"),
    make(CONTINUATION, "fragment3", part),
    make(CONTINUATION, "fragment4", part),
    make(PING, "ping 2"),
    make(CONTINUATION, "fragment5"),
  ]),
  one("5: a ping that is too long within a text", (make) => [
    make(TEXT, "fragment1", part),
    make(PING, "x".repeat(126)),
    make(CONTINUATION, "fragment2"),
  ], tooLong(1)),
];

const TEXTS = [
  one("6.1.2: a text of three empty fragments", (make) => [
    make(TEXT, "", part),
    make(CONTINUATION, "", part),
    make(CONTINUATION, ""),
  ]),
  one("6.1.3: the same with a word in the second", (make) => [
    make(TEXT, "", part),
    make(CONTINUATION, "middle frame payload", part),
    make(CONTINUATION, ""),
  ]),
  one("6.2.2: valid UTF-8, cut between two characters", (make) => [
    make(TEXT, "Hello-\u00b5@\u00df\u00f6", part),
    make(CONTINUATION, "\u00e4\u00fc\u00e0\u00e1-UTF-8!!"),
  ]),
  one("6.2.3: valid UTF-8, a byte in each fragment", (make) => {
    const text = new TextEncoder().encode("Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!");
    return [
      make(TEXT, "", part),
      ...[...text].map((byte) => make(CONTINUATION, bytes(byte), part)),
      make(CONTINUATION),
    ];
  }),
  ...[
    "cebae1bdb9cf83cebcceb5eda080656469746564",
    "f4908080",
    "f888808080",
    "80",
    "c0af",
    "eda080",
    "fe",
    "efbfbf",
    "c3",
  ].map((text, index) =>
    one(`6.3 to 6.23/${index + 1}: a text of the bytes ${text}`, (make) => [make(TEXT, hex(text))])
  ),
  one("6.4.1: a text that is not UTF-8 any more in its second fragment", (make) => [
    make(TEXT, hex("cebae1bdb9cf83cebcceb5"), part),
    make(CONTINUATION, hex("f4908080"), part),
    make(CONTINUATION, hex("656469746564")),
  ]),
];

const VALID_CODES = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const OTHER_CODES = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65_535];
const ok = (reason?: string) => closePayload(1000, reason);

const CLOSES = [
  one("7.1.1: a text, then a close", (make) => [make(TEXT, "Hello World!"), make(CLOSE, ok())]),
  one("7.1.2: two closes", (make) => [make(CLOSE, ok()), make(CLOSE, ok())]),
  one("7.1.3: a ping behind a close", (make) => [make(CLOSE, ok()), make(PING)]),
  one("7.1.4: a text behind a close", (make) => [make(CLOSE, ok()), make(TEXT, "Hello World!")]),
  one("7.1.5: a close within a text", (make) => [
    make(TEXT, "fragment1", part),
    make(CLOSE, ok()),
    make(CONTINUATION, "fragment2"),
  ]),
  one("7.1.6: 256 KB, a text, a close and a ping", (make) => [
    make(TEXT, "BAsd7&jh23".repeat(26_214)),
    make(TEXT, "Hello World!"),
    make(CLOSE, ok()),
    make(PING),
  ]),
  one("7.3.1: a close without a payload", (make) => [make(CLOSE)]),
  one("7.3.2: a close with one byte", (make) => [make(CLOSE, "a")]),
  one("7.3.3: a close with a code", (make) => [make(CLOSE, ok())]),
  one("7.3.4: a close with a reason", (make) => [make(CLOSE, ok("Hello World!"))]),
  one("7.3.5: a close with a reason of 123 bytes", (make) => [make(CLOSE, ok("*".repeat(123)))]),
  one("7.3.6: a close with a reason of 124 bytes", (make) => [make(CLOSE, ok("*".repeat(124)))], tooLong(0)),
  one(
    "7.5.1: a close with a reason that is not UTF-8",
    (make) => [make(CLOSE, hex("03e8cebae1bdb9cf83cebcceb5eda080"))],
  ),
  ...VALID_CODES.map((code, index) =>
    one(`7.7.${index + 1}: a close with ${code}`, (make) => [make(CLOSE, closePayload(code))])
  ),
  ...OTHER_CODES.map((code, index) =>
    one(
      `7.9.${index + 1}, 7.13: a close with ${code}, which must not be sent`,
      (make) => [make(CLOSE, closePayload(code, "x"))],
    )
  ),
];

const huge = (length: string) => (isMasked: boolean) => {
  const [first = 0, ...others] = hex(length);
  return Uint8Array.of(0x82, (isMasked ? 0x80 : 0) | 127, first, ...others, ...isMasked ? [1, 2, 3, 4] : []);
};

const LIMITS = [
  one("9.1: a text as long as may be", (make) => [make(TEXT, "*".repeat(MAX_MESSAGE_BYTES))]),
  one(
    "9.1: a text longer than may be by a byte",
    (make) => [make(TEXT, "a"), make(TEXT, "*".repeat(MAX_MESSAGE_BYTES + 1))],
    tooBig(1),
  ),
  one(
    "9.2: binary bytes as many as may be",
    (make) => [make(BINARY, new Uint8Array(MAX_MESSAGE_BYTES).fill(0xfe))],
  ),
  ...[64, 256, 1_024, 4_096, 16_384, 65_536].map((size, index) =>
    one(`9.3.${index + 1}: 64 KB in fragments of ${size}`, (make) => {
      const count = 65_536 / size;
      return times(
        count,
        (at) => make(at === 0 ? TEXT : CONTINUATION, "*".repeat(size), { isFinal: at === count - 1 }),
      );
    })
  ),
  one("9.4: fragments that are too long together, the last by a byte", (make) => [
    make(BINARY, new Uint8Array(MAX_MESSAGE_BYTES - 1), part),
    make(PING, "x".repeat(125)),
    make(CONTINUATION, "x", part),
    make(CONTINUATION, "", part),
    make(CONTINUATION, "x"),
  ], tooBig(4)),
  one("9.4: messages that are too long together, each of them not", (make) => [
    make(BINARY, new Uint8Array(MAX_MESSAGE_BYTES)),
    make(BINARY, new Uint8Array(MAX_MESSAGE_BYTES)),
  ]),
  ...["7fffffffffffffff", "ffffffffffffffff", "0020000000000001", "0000000100000000"].map((length) => ({
    name: `9: a length of 0x${length}`,
    frames: (isMasked: boolean) => [frame(TEXT, "a", { isMasked }), huge(length)(isMasked)],
    broken: tooBig(1),
  })),
  one("9.7: a thousand texts of no byte", (make) => times(1_000, () => make(TEXT))),
  one(
    "9.8: a thousand binary messages of 16 bytes",
    (make) => times(1_000, () => make(BINARY, new Uint8Array(16))),
  ),
];

const OTHERS = [
  one(
    "10.1.1: 64 KB in fragments of 1300",
    (make) =>
      times(51, (at) => make(at === 0 ? TEXT : CONTINUATION, "*".repeat(1_300), { isFinal: at === 50 })),
  ),
  {
    name: "10: a frame with a mask where none belongs, or without where one does",
    frames: (isMasked: boolean) => [frame(TEXT, "Hello", { isMasked: !isMasked })],
  },
  {
    name: "10: lengths that are written longer than need be",
    frames: (isMasked: boolean) =>
      isMasked
        ? [bytes(0x81, 254, 0, 1, 1, 2, 3, 4, 9), bytes(0x89, 255, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)]
        : [bytes(0x81, 126, 0, 1, 9), bytes(0x89, 127, 0, 0, 0, 0, 0, 0, 0, 0)],
  },
];

/** All of them. */
export const AUTOBAHN_CASES: readonly AutobahnCase[] = [
  ...FRAMING,
  ...PINGS,
  ...RESERVED,
  ...OPCODES,
  ...FRAGMENTS,
  ...TEXTS,
  ...CLOSES,
  ...LIMITS,
  ...OTHERS,
];
