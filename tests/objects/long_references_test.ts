/** References in bodies of megabytes. */

import { assert } from "@std/assert";
import { checkJsonStrings, checkQuotedTexts } from "../../src/objects/body_references.ts";

Deno.test("body references: the time for a body is in proportion to its length", async () => {
  for (
    const unit of [
      '"',
      '\\"',
      '"a-',
      '"a-",',
      `"${"a-.".repeat(150)}",`,
      `"${".".repeat(500)}x",`,
      '"file-1","',
    ]
  ) {
    for (const isFile of [false, true]) {
      const body = new TextEncoder().encode(unit.repeat(Math.ceil(2_000_000 / unit.length)));
      const begun = performance.now();
      await (isFile ? checkQuotedTexts : checkJsonStrings)(body, {
        pause: () => undefined,
        check: () => Promise.resolve(),
      });
      // A quadratic scan of 2 MB takes minutes.
      assert(performance.now() - begun < 10_000, `${unit} ${isFile}`);
    }
  }
});
