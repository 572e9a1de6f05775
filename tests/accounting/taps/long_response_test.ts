/** Memory of a long answer: a reader keeps what it needs for the usage, and not the answer. */

import { assert, assertEquals } from "@std/assert";
import { contentFields } from "../../support/data/fields.ts";
import { ResponseTap } from "../../../src/accounting/taps/response_tap.ts";
import { nextTurn } from "../../support/time/passing_time.ts";

Deno.test("ResponseTap: an answer of 200 MB, plain and compressed, in bounded memory", async () => {
  const { gzipSync } = await import("node:zlib");
  // Text grows less than a hundredfold; what grows more is not looked at.
  const text = crypto.getRandomValues(new Uint8Array(384)).toBase64();
  const piece = new TextEncoder().encode(text.repeat(128));
  const head = new TextEncoder().encode('{"data":[{"b64_json":"');
  const tail = new TextEncoder().encode('"}],"usage":{"input_tokens":3,"output_tokens":4}}');
  const expected = {
    usage: { inputTokens: 3, outputTokens: 4 },
    textBytes: 0,
    texts: 0,
    textTokens: 0,
    unreportedTextTokens: 0,
  };
  for (const encoding of [undefined, "gzip"]) {
    const tap = ResponseTap.of(contentFields("application/json", encoding));
    assert(tap !== undefined);
    const before = Deno.memoryUsage();
    let most = 0;
    // Members of a gzip file may stand one behind the other.
    const [first, middle, last] = [head, piece, tail].map((bytes) =>
      encoding === undefined ? bytes : gzipSync(bytes)
    );
    assert(first && middle && last);
    tap.write(first);
    for (let sent = 0; sent < 3200; sent++) {
      tap.write(middle);
      if (sent % 20 === 0) {
        await nextTurn();
        most = Math.max(most, Deno.memoryUsage().rss - before.rss);
      }
    }
    tap.write(last);
    assertEquals(await tap.end(), expected, encoding);
    assert(most < 100 * 1024 * 1024, `${encoding}: ${Math.round(most / 1e6)} MB more`);
  }
});
