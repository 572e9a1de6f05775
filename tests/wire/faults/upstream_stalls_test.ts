/** Upstreams that fall silent, in every phase of an exchange, and slow ones. */

import { assertFault, type Promised, type UpstreamFault } from "../../support/proxies/fault_bench.ts";
import type { FaultyConnection } from "../../support/upstreams/faulty_upstream.ts";
import { passing } from "../../support/time/passing_time.ts";

/** Long beside what a loopback takes, short beside a test. */
const LIMIT_MS = 250;
const DRIP_MS = 4;

const HEAD = (type: string) => `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\n`;
const CHUNKED = (type: string) => `${HEAD(type)}Transfer-Encoding: chunked\r\n\r\n`;
const COUNTED = (type: string) => `${HEAD(type)}Content-Length: 10\r\n\r\n`;

const timeout = (limit: string, { another }: { another: boolean }): Promised => ({
  is: "fault",
  code: "upstream_timeout",
  another,
  says: new RegExp(` did not answer in time: ${limit} \\(250ms\\) passed\\.$`),
});
const cut = (after: string): Promised => ({ is: "cut", code: "upstream_timeout", after });

/** What is sent before the silence. */
const STALLS: readonly (readonly [when: string, sent: (type: string) => string, promised: Promised])[] = [
  ["without an answer", () => "", timeout("first_byte_timeout", { another: true })],
  [
    "after an interim answer",
    () => "HTTP/1.1 103 Early Hints\r\n\r\n",
    timeout("first_byte_timeout", { another: false }),
  ],
  ["within the status line", () => "HTTP/1.1 20", timeout("first_byte_timeout", { another: false })],
  [
    "within a header",
    () => "HTTP/1.1 200 OK\r\nContent-Ty",
    timeout("first_byte_timeout", { another: false }),
  ],
  ["before its headers' end", (type) => HEAD(type), timeout("first_byte_timeout", { another: false })],
  ["after its headers, chunked", CHUNKED, cut("")],
  ["after its headers, counted", COUNTED, cut("")],
  ["after its headers, without a length", (type) => `${HEAD(type)}\r\n`, cut("")],
  ["within a counted body", (type) => `${COUNTED(type)}half`, cut("half")],
  ["within a body without a length", (type) => `${HEAD(type)}\r\nhalf`, cut("half")],
  ["within a chunk's size", (type) => `${CHUNKED(type)}4\r\nhalf\r\n1`, cut("half")],
  ["within a chunk", (type) => `${CHUNKED(type)}9\r\nhalf`, cut("half")],
  ["before the last chunk", (type) => `${CHUNKED(type)}4\r\nhalf\r\n`, cut("half")],
  ["within the last chunk", (type) => `${CHUNKED(type)}4\r\nhalf\r\n0\r\n`, cut("half")],
];

for (const [when, sent, promised] of STALLS) {
  test({
    name: `falls silent ${when}`,
    script: (type) => async (connection) => {
      await connection.request();
      await connection.write(sent(type));
    },
    timeouts: { firstByteMs: LIMIT_MS, idleMs: LIMIT_MS },
    promised,
  });
}

const whole = (type: string) =>
  `${
    HEAD(type)
  }Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nslow\r\n7\r\n but su\r\n2\r\nre\r\n0\r\n\r\n`;

test({
  name: "sends its answer byte by byte is waited for, as long as it is not silent",
  script: (type) => async (connection) => {
    await connection.request();
    await drip(connection, whole(type));
  },
  timeouts: { firstByteMs: 10_000, idleMs: 5_000 },
  promised: { is: "whole", text: "slow but sure" },
});

test({
  name: "sends its headers byte by byte for ever is left after the first byte limit",
  script: () => async (connection) => {
    await connection.request();
    await connection.write("HTTP/1.1 200 OK\r\n");
    while (true) await drip(connection, "X-More: of the same\r\n");
  },
  timeouts: { firstByteMs: LIMIT_MS },
  promised: timeout("first_byte_timeout", { another: false }),
});

test({
  name: "sends its answer byte by byte is cut by the total limit",
  script: (type) => async (connection) => {
    await connection.request();
    await connection.write(`${CHUNKED(type)}4\r\nhalf\r\n`);
    // The size of a chunk that is never there: bytes keep coming, and none of them is the client's.
    while (true) await drip(connection, "0");
  },
  timeouts: { totalMs: LIMIT_MS },
  promised: cut("half"),
});

async function drip(connection: FaultyConnection, text: string): Promise<void> {
  for (const byte of text) {
    await connection.write(byte);
    await passing(DRIP_MS, { why: "the upstream sends at a pace" });
  }
}

function test(fault: UpstreamFault): void {
  Deno.test(`an upstream that ${fault.name}`, () => assertFault(fault));
}
