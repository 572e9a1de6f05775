import { assertEquals } from "@std/assert";
import { canResendOnFreshConnection } from "../../src/forwarding/transport/resend.ts";
import type { FailureFacts } from "../../src/forwarding/transport/transport.ts";

const CROSSED: FailureFacts = {
  phase: "first byte",
  sent: true,
  received: false,
  reused: true,
  elapsedMs: 3,
};

/** What differs from a request that crossed an idle close, and whether it may be sent again. */
const CASES: readonly (readonly [string, Partial<FailureFacts>, boolean])[] = [
  ["it crossed an idle close", {}, true],
  ["the connection was fresh", { reused: false }, false],
  ["a byte of an answer came", { received: true }, false],
  ["the upstream had time to work on it", { elapsedMs: 60_000 }, false],
];

for (const [name, facts, expected] of CASES) {
  Deno.test(`canResendOnFreshConnection: ${name}: ${expected ? "yes" : "no"}`, () => {
    assertEquals(canResendOnFreshConnection({ ...CROSSED, ...facts }), expected);
  });
}
