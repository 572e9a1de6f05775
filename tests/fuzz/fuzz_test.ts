/**
 * A short look at every parser with changed inputs, the same each time. `deno task fuzz` goes on for as long
 * as one likes, led by what of the code has run.
 */

import { assertEquals } from "@std/assert";
import { FuzzLoop } from "./fuzz_loop.ts";
import { loadTarget, TARGET_NAMES } from "./targets/index.ts";
import { shown } from "./watchdog.ts";

const RUNS = 150;
const SEED = 20_260_101;

for (const name of TARGET_NAMES) {
  Deno.test(`fuzz: ${name} reads ${RUNS} changed inputs as another reader does`, async () => {
    const loop = new FuzzLoop(await loadTarget(name), { seed: SEED, measuresTime: false });
    await loop.begin();
    await loop.run((executions) => executions >= RUNS);
    const { failures } = loop.figures;
    assertEquals(failures.map(({ input, error }) => `--target ${name} ${shown(input)}: ${error}`), []);
  });
}
