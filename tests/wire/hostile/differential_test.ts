/**
 * Generated requests of one client at the proxy in front of real servers: what they leave behind never meets
 * another client.
 */

import { assert, assertEquals } from "@std/assert";
import { unless } from "../../support/runner/left_out.ts";
import { failureText, fuzzServer, numbersFrom } from "./differential/fuzz.ts";
import { missingReason, type ServerName, SERVERS } from "./differential/servers.ts";

/** 13,500 in all; the faster a server, the more. */
const CASES: Readonly<Record<ServerName, number>> = {
  raw: 3_000,
  node: 2_000,
  nginx: 2_000,
  go: 2_000,
  python: 1_500,
  uvicorn: 1_500,
  gunicorn: 1_500,
};
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_260_101);
/** Cases at the same time: much of each is waiting. */
const LANES = 8;
/** Each takes seconds where something hangs. */
const MAX_FAILURES = 5;
/** Of each server's cases so many have to be answered by it, or too little is tried. */
const LEAST_ANSWERED = 0.5;
const LEAST_COMPARED = 0.1;

for (const name of SERVERS) {
  const each = CASES[name];
  Deno.test({
    ...unless(
      missingReason(name),
      `differential fuzz: ${each} cases in front of ${name}, where nothing of one client reaches another`,
    ),
    async fn() {
      const { failures, cases, answered, compared } = await fuzzServer(name, {
        seed: SEED,
        numbers: numbersFrom(0, each),
        lanes: LANES,
        maxFailures: MAX_FAILURES,
      });
      assert(failures.length === 0, failures.map(failureText).join("\n\n"));
      assertEquals(cases, each);
      assert(answered > each * LEAST_ANSWERED, `only ${answered} requests of ${each} cases were answered`);
      const isCompared = name === "raw" || compared > each * LEAST_COMPARED;
      assert(isCompared, `only ${compared} of ${each} cases were compared`);
    },
  });
}
