/** Generated requests of one client at the proxy in front of real servers: what they leave behind never meets another client. */

import { assert, assertEquals } from "@std/assert";
import { failureText, fuzzServer, numbersFrom } from "./differential/fuzz.ts";
import { missingReason, SERVERS } from "./differential/servers.ts";

const CASES = 20_000;
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_260_101);
const EACH = Math.ceil(CASES / SERVERS.length);
const LANES = 4;
/** Each takes seconds where something hangs. */
const MAX_FAILURES = 5;
/** Of each server's cases so many have to be answered by it, or too little is tried. */
const LEAST_ANSWERED = 0.5;
const LEAST_COMPARED = 0.1;

for (const name of SERVERS) {
  const missing = missingReason(name);
  Deno.test({
    name:
      `differential fuzz: ${EACH} cases in front of ${name}, where nothing of one client reaches another` +
      (missing === undefined ? "" : ` (left out: ${missing})`),
    ignore: missing !== undefined,
    async fn() {
      const { failures, cases, answered, compared } = await fuzzServer(name, {
        seed: SEED,
        numbers: numbersFrom(0, EACH),
        lanes: LANES,
        maxFailures: MAX_FAILURES,
      });
      assert(failures.length === 0, failures.map(failureText).join("\n\n"));
      assertEquals(cases, EACH);
      assert(answered > EACH * LEAST_ANSWERED, `only ${answered} requests of ${EACH} cases were answered`);
      const isCompared = name === "raw" || compared > EACH * LEAST_COMPARED;
      assert(isCompared, `only ${compared} of ${EACH} cases were compared`);
    },
  });
}
