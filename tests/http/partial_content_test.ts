import { assertEquals } from "@std/assert";
import { isPartialContent } from "../../src/http/partial_content.ts";
import { fieldsOf } from "../support/data/fields.ts";

Deno.test("isPartialContent: only a range of all bytes, or a response without a range, is whole", () => {
  const cases: readonly (readonly [status: number, range: string | undefined, isPart: boolean])[] = [
    [200, undefined, false],
    [206, undefined, true],
    [206, "bytes 0-9/10", false],
    [206, "bytes 0-9/11", true],
    [206, "bytes 1-9/10", true],
    [206, "bytes 0-9/*", true],
    [206, "bytes */10", true],
    [206, "lines 0-9/10", true],
    [206, `bytes 0-${"9".repeat(1_000)}/1${"0".repeat(1_000)}`, true],
    [200, "bytes 5-9/10", true],
  ];
  for (const [status, range, isPart] of cases) {
    const fields = range === undefined ? [] : fieldsOf(`content-range: ${range}`);
    assertEquals(isPartialContent(status, fields), isPart, `${status} ${range}`);
  }
});
