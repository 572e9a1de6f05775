/** Upstreams that break off, in every phase of an exchange, or send what is no HTTP. */

import { assertFault, type Promised, type UpstreamFault } from "../../support/proxies/fault_bench.ts";
import type { FaultyConnection } from "../../support/upstreams/faulty_upstream.ts";

const COUNTED = (type: string, length = 10) =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;
const CHUNKED = (type: string) =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`;

/** How a connection can end. */
const ENDS = {
  "resets the connection": (connection: FaultyConnection) => connection.reset(),
  "shuts its sending side": (connection: FaultyConnection) => connection.closeWrite(),
};

const badGateway = (says: RegExp, { another = false } = {}): Promised => ({
  is: "fault",
  code: "bad_gateway",
  another,
  says,
});
const cut = (after: string): Promised => ({ is: "cut", code: "bad_gateway", after });
/** What came in one piece with what is wrong need not reach the client. */
const withheld = (after: string): Promised => ({ is: "cut", code: "bad_gateway", after, orLess: true });

/** What is sent before the end, and what becomes of it. */
const BREAKS: readonly (readonly [when: string, sent: (type: string) => string, promised: Promised])[] = [
  [
    "after the request",
    () => "",
    badGateway(/: it (?:reset the connection|closed the connection without a response)\.$/, {
      another: true,
    }),
  ],
  ["within the status line", () => "HTTP/1.1 20", badGateway(/within its response\.$/)],
  ["after the status line", () => "HTTP/1.1 200 OK\r\n", badGateway(/within its response\.$/)],
  ["within its headers", () => "HTTP/1.1 200 OK\r\nContent-Ty", badGateway(/within its response\.$/)],
  ["after an interim answer", () => "HTTP/1.1 103 Early Hints\r\n\r\n", badGateway(/within its response\.$/)],
  ["after its headers, counted", (type) => COUNTED(type), cut("")],
  ["after its headers, chunked", (type) => CHUNKED(type), cut("")],
  ["within a counted body", (type) => `${COUNTED(type)}half`, cut("half")],
  ["within a chunk's size", (type) => `${CHUNKED(type)}4\r\nhalf\r\n1`, cut("half")],
  ["within a chunk", (type) => `${CHUNKED(type)}9\r\nhalf`, cut("half")],
  ["before the last chunk", (type) => `${CHUNKED(type)}4\r\nhalf\r\n`, cut("half")],
  ["within the last chunk", (type) => `${CHUNKED(type)}4\r\nhalf\r\n0\r\n`, cut("half")],
];

for (const [how, end] of Object.entries(ENDS)) {
  for (const [when, sent, promised] of BREAKS) {
    test({
      name: `${how} ${when}`,
      script: (type) => async (connection) => {
        // A reset needs bytes that nobody read.
        if (end === ENDS["resets the connection"]) await connection.head();
        else await connection.request();
        await connection.write(sent(type));
        await end(connection);
      },
      promised,
    });
  }
}

const RESET_AT_ONCE = badGateway(/: it (?:reset|closed) the connection/, { another: true });

test({ name: "closes at once", script: () => (connection) => connection.close(), promised: RESET_AT_ONCE });
test({
  name: "resets before the request is read",
  script: () => ({ reset }) => reset(),
  promised: RESET_AT_ONCE,
});

/** Answers that are against the rules, and endless ones. */
const WRONG:
  readonly (readonly [what: string, sent: (type: string) => string | Repeated, promised: Promised])[] = [
    ["noise", () => "\x16\x03\x01\0\0\xff\xfe\r\n\r\n\r\n", malformed(/invalid status line/)],
    ["a page without a head", () => "<html><body>502</body></html>\r\n\r\n", malformed(/status line/)],
    ["HTTP/2", () => "\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\r\n\r\n", malformed(/status line/)],
    ["HTTP/0.9's bare text, and no end", () => "no head at all", badGateway(/within its response/)],
    [
      "both framings",
      () =>
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n",
      malformed(/both content-length and transfer-encoding/),
    ],
    [
      "a change of protocol",
      () => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      malformed(/change of protocol/),
    ],
    ["a length beyond what it sends", (type) => `${COUNTED(type, 1_000)}half`, cut("half")],
    ["a chunk longer than its size", (type) => `${CHUNKED(type)}2\r\nhalf\r\n0\r\n\r\n`, withheld("ha")],
    ["a chunk size that is none", (type) => `${CHUNKED(type)}4\r\nhalf\r\nhalf\r\n`, withheld("half")],
    ["a negative chunk size", (type) => `${CHUNKED(type)}4\r\nhalf\r\n-1\r\n`, withheld("half")],
    [
      "interim answers without end",
      () => ({ again: "HTTP/1.1 103 Early Hints\r\n\r\n" }),
      malformed(/more than 16/),
    ],
    [
      "headers without end",
      () => ({ first: "HTTP/1.1 200 OK\r\n", again: "X-More: of the same\r\n" }),
      malformed(/more than 65536 bytes|more than 256 header fields/),
    ],
    [
      "one header without end",
      () => ({ first: "HTTP/1.1 200 OK\r\nX: ", again: "x" }),
      malformed(/65536 bytes/),
    ],
    [
      "a chunk extension without end",
      (type) => ({ first: `${CHUNKED(type)}4\r\nhalf\r\n4;`, again: "x" }),
      cut("half"),
    ],
    [
      "trailers without end",
      (type) => ({ first: `${CHUNKED(type)}4\r\nhalf\r\n0\r\n`, again: "X-More: of the same\r\n" }),
      cut("half"),
    ],
  ];

/** Something that is sent again and again until the other side has enough. */
interface Repeated {
  readonly first?: string;
  readonly again: string;
}

for (const [what, sent, promised] of WRONG) {
  test({
    name: `sends ${what}`,
    script: (type) => async (connection) => {
      const sends = sent(type);
      await connection.request();
      if (typeof sends === "string") {
        await connection.write(sends);
        return await connection.closeWrite();
      }
      await connection.write(sends.first ?? "");
      const piece = new TextEncoder().encode(sends.again.repeat(500));
      while (true) await connection.write(piece);
    },
    promised,
  });
}

/**
 * What comes behind a whole answer is nobody's: the client gets the answer, and the connection serves no
 * other.
 */
for (
  const [what, behind] of [
    ["garbage", "garbage"],
    ["another answer", `HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned`],
    ["the rest of a body that is longer than its length", " and more of the same"],
  ] as const
) {
  test({
    name: `sends ${what} behind its answer`,
    script: (type) => async (connection) => {
      await connection.request();
      await connection.write(`${COUNTED(type, 2)}ok${behind}`);
    },
    promised: { is: "whole", text: "ok" },
  });
}

function malformed(says: RegExp): Promised {
  return badGateway(new RegExp(`: it sent a malformed answer \\(.*${says.source}`));
}

function test(fault: UpstreamFault): void {
  Deno.test(`an upstream that ${fault.name}`, () => assertFault(fault));
}
