import { assertEquals } from "@std/assert";
import { frameReply, isBodiless, statedLength } from "../../src/http/reply_framing.ts";
import { bodyOf } from "../../src/streams/bytes.ts";
import { textSource } from "../support/proxies/handler.ts";

const BYTES = new TextEncoder().encode("abc");

/**
 * A method and a status, the length that the upstream stated for a body that it left out, and the framing.
 */
const CASES: readonly (readonly [
  method: string,
  status: number,
  body: "bytes" | "counted" | "stream" | null,
  omittedLength: number | undefined,
  framing: string,
])[] = [
  ["GET", 200, "bytes", undefined, "counted 3"],
  ["GET", 200, "counted", undefined, "counted 3"],
  ["GET", 200, "stream", undefined, "chunked"],
  ["GET", 200, null, undefined, "omitted 0"],
  ["HEAD", 200, "bytes", undefined, "omitted 3"],
  ["HEAD", 200, "stream", undefined, "none"],
  ["HEAD", 200, null, 500, "omitted 500"],
  ["HEAD", 200, null, undefined, "none"],
  ["GET", 101, null, undefined, "none"],
  ["GET", 204, "bytes", undefined, "none"],
  ["HEAD", 204, null, 500, "none"],
  ["GET", 205, "bytes", undefined, "omitted 0"],
  ["GET", 205, "stream", undefined, "omitted 0"],
  ["HEAD", 205, null, 500, "omitted 0"],
  ["GET", 304, null, 500, "omitted 500"],
  ["GET", 304, "bytes", undefined, "none"],
  ["HEAD", 304, null, 500, "omitted 500"],
  ["POST", 404, "bytes", undefined, "counted 3"],
];

for (const [method, status, kind, omittedLength, expected] of CASES) {
  Deno.test(`frameReply: ${method} ${status} with ${kind ?? "no body"} and ${omittedLength ?? "no"} length`, () => {
    const body = kind === "bytes"
      ? BYTES
      : kind === "counted"
      ? bodyOf(BYTES)
      : kind === "stream"
      ? textSource("abc")
      : null;
    const framing = frameReply({ status, body, omittedLength }, method);
    const length = statedLength(framing);
    assertEquals(length === undefined ? framing.kind : `${framing.kind} ${length}`, expected);
    if (isBodiless(method, status)) assertEquals("source" in framing, false);
  });
}
