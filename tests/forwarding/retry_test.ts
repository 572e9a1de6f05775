import { assertEquals } from "@std/assert";
import { maySendAgain } from "../../src/forwarding/retry.ts";
import type { FailureFacts } from "../../src/forwarding/transport/transport.ts";

const CROSSED: FailureFacts = {
  phase: "first byte",
  sent: true,
  received: false,
  reused: true,
  elapsedMs: 3,
};

/** What differs from a request that crossed an idle close, and whether it may be sent again. */
const CASES: readonly (readonly [string, Partial<FailureFacts>, boolean, boolean])[] = [
  ["it crossed an idle close", {}, true, true],
  ["its body is gone", {}, false, false],
  ["the connection was fresh", { reused: false }, true, false],
  ["a byte of an answer came", { received: true }, true, false],
  ["the upstream had time to work on it", { elapsedMs: 60_000 }, true, false],
];

for (const [name, facts, replayable, expected] of CASES) {
  Deno.test(`maySendAgain: ${name}: ${expected ? "yes" : "no"}`, () => {
    assertEquals(maySendAgain({ ...CROSSED, ...facts }, { replayable }), expected);
  });
}
