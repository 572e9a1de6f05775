import { assertEquals } from "@std/assert";
import { retryAfterMs } from "../../src/forwarding/retry.ts";
import { fieldsOf } from "../support/data/fields.ts";

const DAY_MS = 24 * 3_600_000;
/** Lines of an answer, and how long it wants to be left alone. */
const WAITS: readonly (readonly [lines: readonly string[], waitMs: number | undefined])[] = [
  [[], undefined],
  [["retry-after: 7"], 7_000],
  [["retry-after-ms: 70", "retry-after: 7"], 70],
  [["retry-after: 999999999999"], DAY_MS],
  [["retry-after-ms: 999999999999"], DAY_MS],
  [["date: Mon, 01 Jan 2024 00:00:00 GMT", "retry-after: Tue, 01 Jan 2030 00:00:00 GMT"], DAY_MS],
  [["date: Mon, 01 Jan 2024 00:00:09 GMT", "retry-after: Mon, 01 Jan 2024 00:00:00 GMT"], 0],
  [["retry-after: -1"], undefined],
  [["retry-after: Infinity"], undefined],
];
for (const [lines, waitMs] of WAITS) {
  Deno.test(`retryAfterMs: ${lines.join(", ") || "nothing"}`, () => {
    assertEquals(retryAfterMs(fieldsOf(...lines)), waitMs);
  });
}
