/** The commands of the documentation do what the pages say. `docs_test.ts` describes the blocks. */

import { assertEquals, assertMatch } from "@std/assert";
import { PAGES } from "./support/data/docs_pages.ts";
import { DocsSandbox } from "./support/processes/docs_sandbox.ts";
import { firstOf, unless, without, withoutUnix } from "./support/runner/left_out.ts";

const cannotRun = firstOf(withoutUnix(), without("curl"));

for (const [name, { blocks }] of PAGES) {
  if (!blocks.some(({ info }) => /^sh (?:run|fails|serves)$/.test(info))) continue;
  Deno.test({
    ...unless(cannotRun, `${name}: its commands do what the page says`),
    async fn() {
      await using sandbox = await DocsSandbox.create();
      for (const [index, { info, text, line }] of blocks.entries()) {
        if (!/^sh (?:run|fails|serves)$/.test(info)) continue;
        const { code, output } = info === "sh serves" ? await sandbox.serve(text) : await sandbox.run(text);
        assertEquals(code === 0, info !== "sh fails", `${name}:${line} ended with ${code}:\n${output}`);
        const next = blocks[index + 1];
        if (next?.info === "text output") {
          assertMatch(
            `${output.trimEnd()}\n`,
            shapeOf(next.text),
            `${name}:${next.line} shows another output`,
          );
        }
      }
    },
  });
}

/** What an output has to look like. */
function shapeOf(text: string): RegExp {
  const lines = text.trimEnd().split("\n").map((line) =>
    line === "…" ? "(?:.*\\n)*" : `${
      line.split(/(…|\d+|\s+)/).map((part) => {
        if (part === "…") return ".*";
        if (/^\d+$/.test(part)) return "\\d+";
        return /^\s+$/.test(part) ? "\\s+" : RegExp.escape(part);
      }).join("")
    }\n`
  );
  return new RegExp(`^${lines.join("")}$`);
}
