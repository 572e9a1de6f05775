/** The first bytes of a connection that negotiated HTTP/2. */

import { concat } from "../../../src/streams/bytes.ts";
import { Handshake, HTTP2_PREFACE } from "../../../src/server/handshake.ts";
import { type FuzzTarget, holds, inPieces, latin1Text, type Random, same, utf8 } from "../target.ts";
import { connectionOf } from "./pieces.ts";

interface Reading {
  readonly protocol: string | undefined;
  readonly isClosed: boolean;
  readonly takenBytes: number;
}

async function readIn(pieces: readonly Uint8Array[]): Promise<Reading> {
  const input = connectionOf(pieces);
  let takenBytes = 0;
  const connection = {
    handshake: () => Promise.resolve({ alpnProtocol: "h2" }),
    async read(into: Uint8Array) {
      const count = await input.read(into);
      takenBytes += count ?? 0;
      return count;
    },
    close() {},
  };
  // Of a TLS connection no more than this is used.
  const handshake = new Handshake(connection as unknown as Deno.TlsConn, {
    limitMs: () => 1_000,
    now: () => 0,
    onNotTls() {},
  });
  const protocol = await handshake.protocol();
  return { protocol, isClosed: handshake.isClosed, takenBytes };
}

async function check(input: Uint8Array, chance: Random): Promise<string> {
  const isPreface = latin1Text(input.subarray(0, HTTP2_PREFACE.length)) === latin1Text(HTTP2_PREFACE);
  for (const pieces of [[input], inPieces(input, chance)]) {
    const { protocol, isClosed, takenBytes } = await readIn(pieces);
    same(protocol, isPreface ? "h2" : undefined, "the protocol");
    holds(isClosed !== isPreface, "closed unless it is the preface");
    holds(takenBytes <= HTTP2_PREFACE.length, "nothing is taken but the preface");
  }
  return `${isPreface} ${input.length < HTTP2_PREFACE.length}`;
}

/** The preface of HTTP/2. */
export const target: FuzzTarget = {
  name: "http2_preface",
  seeds: [
    HTTP2_PREFACE,
    concat([HTTP2_PREFACE, utf8("\u0000\u0000\u0000\u0004")]),
    utf8("GET / HTTP/1.1\r\n\r\n"),
  ],
  words: [latin1Text(HTTP2_PREFACE), "PRI * HTTP/2.0\r\n", "\r\n\r\n", "SM"],
  check,
  read: (input) => readIn([input]),
};
