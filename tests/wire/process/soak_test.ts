/** The soak in short: the same traffic and the same books, without a look at memory. */

import { assertEquals } from "@std/assert";
import { runSoak } from "../../bench/soak/run.ts";
import { unless, withoutProc } from "../../support/runner/left_out.ts";

Deno.test({
  ...unless(
    withoutProc(),
    "soak: under mixed traffic every exchange is one row, and nothing is left open in the end",
  ),
  async fn() {
    const lines: string[] = [];
    const problems = await runSoak({
      seconds: 5,
      clients: 60,
      sampleMs: 2_000,
      tokensMs: 250,
      reloadMs: 1_000,
      say: (line) => lines.push(line),
    }, { judgesGrowth: false });
    assertEquals(problems, [], lines.join("\n"));
  },
});
