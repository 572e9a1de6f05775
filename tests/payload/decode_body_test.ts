import { assert, assertEquals, assertRejects } from "@std/assert";
import * as zlib from "node:zlib";
import { canDecode } from "../../src/payload/content_coding.ts";
import { Decompressor } from "../../src/payload/decompressor.ts";
import { ProxyFault } from "../../src/faults.ts";
import { decodeBody } from "../../src/payload/decode_body.ts";
import { nextTurn } from "../support/time/passing_time.ts";
import { random } from "../support/data/random.ts";

const CODINGS = {
  gzip: zlib.gzipSync,
  deflate: zlib.deflateSync,
  br: zlib.brotliCompressSync,
  zstd: zlib.zstdCompressSync,
};
const MAX_BYTES = 1_000_000;
const ROUNDS = 50;
/** Many times what the runtime's readers give at once. */
const PLAIN = (() => {
  const { below } = random(1);
  return new TextEncoder().encode(Array.from({ length: 40_000 }, () => `word ${below(9_000)}, `).join(""));
})();

function decoded(body: Uint8Array, encoding: string, maxBytes = MAX_BYTES): Promise<Uint8Array> {
  return decodeBody(body, { encoding, maxBytes, hold() {} });
}

for (const [coding, compress] of Object.entries(CODINGS)) {
  const body = new Uint8Array(compress(PLAIN));
  const { below } = random(5);
  const broken = Array.from({ length: ROUNDS }, () => {
    const bytes = body.slice();
    const from = (bytes.length >> 1) + below(bytes.length >> 1);
    for (let at = from; at < Math.min(bytes.length, from + 20); at++) bytes[at] = below(256);
    return bytes;
  });

  Deno.test(`decodeBody: ${coding} of a long body`, async () => {
    assertEquals((await decoded(body, coding)).length, PLAIN.length);
    const fault = await assertRejects(() => decoded(body, coding, PLAIN.length - 1), ProxyFault);
    assertEquals(fault.code, "payload_too_large");
    assertEquals((await decoded(body, coding, PLAIN.length)).length, PLAIN.length);
  });

  Deno.test(`decodeBody: ${coding} that breaks off far behind its beginning is a bad request`, async () => {
    let refused = 0;
    for (const bytes of broken) {
      const outcome = await decoded(bytes, coding).catch((error) => error);
      // Other bytes can be proper ones of the coding: not all of them carry a checksum.
      if (outcome instanceof Uint8Array) continue;
      assertEquals(outcome instanceof ProxyFault && outcome.code, "bad_request");
      refused++;
    }
    assert(refused > 0, "nothing was tried");
  });

  Deno.test(`decodeBody: ${coding} without its end is a bad request`, async () => {
    for (const whole of [body, new Uint8Array(compress(new TextEncoder().encode("{}")))]) {
      for (const missing of [1, 2, 4, whole.length >> 1, whole.length - 1]) {
        const cut = whole.subarray(0, -missing);
        const fault = await assertRejects(() => decoded(cut, coding), ProxyFault);
        assertEquals(fault.code, "bad_request", `${missing} missing`);
      }
    }
  });

  Deno.test(`Decompressor: ${coding} that breaks off far behind its beginning ends what is looked at`, async () => {
    for (const bytes of broken) {
      let length = 0;
      assert(canDecode(coding, { side: "upstream", name: "test" }));
      const decompressor = new Decompressor({ coding, upstream: "test" }, (piece) => length += piece.length);
      for (let at = 0; at < bytes.length; at += 50_000) {
        decompressor.write(bytes.subarray(at, at + 50_000));
        await nextTurn();
      }
      await decompressor.end();
      // A pause of the decompressor may last longer than what is looked at.
      await nextTurn();
      // Brotli gives nothing of a piece with broken bytes.
      assert(coding === "br" || length > 16_384, `${length} bytes before`);
    }
  });
}
