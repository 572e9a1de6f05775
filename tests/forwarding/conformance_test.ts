import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { TransportError } from "../../src/forwarding/transport/transport.ts";
import { RESPONSE_CASES, type ResponseCase } from "../support/data/response_cases.ts";
import { inputOf, inputSplitAt, latin1 } from "../support/clients/byte_input.ts";
import { type ExchangeOutcome, exchangeOver } from "../support/upstreams/upstream_exchange.ts";

const IN_ONE_PIECE = "in one piece";
/** Longer answers are split at their head, their end and some places between. */
const EVERY_SPLIT_BYTES = 400;

function assertOutcome(expected: ResponseCase, outcome: ExchangeOutcome, where: string): void {
  if (expected.whole !== undefined) {
    assertEquals(outcome.error, undefined, where);
    assertEquals([outcome.response?.status, outcome.body, outcome.reusable], [...expected.whole], where);
    return;
  }
  assertInstanceOf(outcome.error, TransportError);
  const failedIn = outcome.response === undefined ? "head" : "body";
  if (expected.refused !== "first chunk") assertEquals(failedIn, expected.refused, where);
  else if (where === IN_ONE_PIECE) assertEquals(failedIn, "head", where);
  assert(!outcome.reusable, `${where}: a connection that broke the rules was kept`);
}

Deno.test("conformance: the table has all its cases", () => {
  assert(RESPONSE_CASES.length >= 120, `${RESPONSE_CASES.length} cases`);
  assertEquals(new Set(RESPONSE_CASES.map(({ name }) => name)).size, RESPONSE_CASES.length, "names repeat");
});

for (const answer of RESPONSE_CASES) {
  Deno.test(`conformance: ${answer.name}`, async () => {
    const bytes = latin1(answer.bytes);
    const behind = answer.whole !== undefined && !answer.untilClose ? "silence" : "end";
    assertOutcome(
      answer,
      await exchangeOver(inputOf(bytes, bytes.length, behind), answer.method),
      IN_ONE_PIECE,
    );
    assertOutcome(
      answer,
      await exchangeOver(inputOf(bytes, 1, behind), answer.method),
      "byte by byte",
    );
    const step = bytes.length <= EVERY_SPLIT_BYTES ? 1 : Math.ceil(bytes.length / EVERY_SPLIT_BYTES);
    for (let at = 1; at < bytes.length; at += step) {
      assertOutcome(
        answer,
        await exchangeOver(inputSplitAt(bytes, at, behind), answer.method),
        `split at ${at}`,
      );
    }
  });
}
