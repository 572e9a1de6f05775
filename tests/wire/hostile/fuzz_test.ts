/**
 * A hundred thousand generated requests at the handler: whatever they hold, nothing goes astray and nothing
 * leaks.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { FuzzBench, OUTCOMES } from "./fuzz_bench.ts";
import { RULES } from "./fuzz_credentials.ts";
import { HEADS } from "./fuzz_heads.ts";
import { checkReply, checkSent } from "./fuzz_rules.ts";

const RUNS = 100_000;
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_260_101);
/** Of all heads so many have to reach an upstream, or too little is tried. */
const LEAST_FORWARDED = 0.4;
/** And of those so many each single upstream. */
const LEAST_EACH = 0.02;

Deno.test(`fuzz: ${RUNS} requests go where they may, with what they may, and are answered properly`, async () => {
  const bench = new FuzzBench();
  const reached = new Map<string, number>();
  let forwarded = 0;
  await fc.assert(
    fc.asyncProperty(HEADS, fc.nat(OUTCOMES - 1), async (head, outcome) => {
      const handled = await bench.handle(head, outcome);
      if (handled.kind === "malformed") return;
      const { sent, reply, text } = handled;
      for (const request of sent) {
        checkSent(request);
        reached.set(request.origin, (reached.get(request.origin) ?? 0) + 1);
      }
      checkReply(reply, { text, sent, target: head.split(" ")[1] ?? "" });
      assertEquals([bench.unexpected, bench.pendingTimers], [[], 0], "what is left behind");
      if (sent.length > 0) forwarded++;
    }),
    { numRuns: RUNS, seed: SEED },
  );
  assert(forwarded > RUNS * LEAST_FORWARDED, `only ${forwarded} of ${RUNS} were forwarded`);
  for (const origin of RULES.keys()) {
    const count = reached.get(origin) ?? 0;
    assert(count > forwarded * LEAST_EACH, `only ${count} of ${forwarded} reached ${origin}`);
  }
});
