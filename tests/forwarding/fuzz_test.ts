/**
 * A million mutated answers: never a hang, never a wrong or shortened body taken for whole, never a
 * connection kept that a rule was broken on. What the strict reading must say is decided by a second reader,
 * written for this test alone: slow, whole at once, and by regular expressions.
 */

import { assert, assertEquals } from "@std/assert";
import { RESPONSE_CASES } from "../support/data/response_cases.ts";
import { inputOf, latin1 } from "../support/clients/byte_input.ts";
import { random } from "../support/data/random.ts";
import { referenceReading } from "../support/data/reference_reader.ts";
import { exchangeOver } from "../support/upstreams/upstream_exchange.ts";

const ROUNDS = 400_000;
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_260_101);
/** Longer seeds would only slow the mutations down. */
const SEEDS = RESPONSE_CASES.filter(({ bytes, method }) => bytes.length < 300 && method === undefined)
  .map(({ bytes }) => bytes);
const SPLICES = [
  "\r\n",
  "\n",
  "\r",
  "0\r\n\r\n",
  ": ",
  " ",
  "\0",
  "Content-Length: 3\r\n",
  "chunked",
  "5",
  "a",
  "-",
  ";",
];

Deno.test(`fuzz: ${ROUNDS} mutated answers are read as the reference reads them, or refused`, async () => {
  const { below, pick } = random(SEED);
  let whole = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let text = pick(SEEDS);
    for (let change = below(4); change >= 0; change--) text = mutate(text);
    const outcome = await exchangeOver(inputOf(latin1(text), 1 + below(text.length), "end"));
    const expected = referenceReading(text);
    const where = `seed ${SEED}, round ${round}: ${JSON.stringify(text)}`;
    if (expected === undefined) {
      assert(outcome.error !== undefined, `taken for whole, ${where}`);
      assert(!outcome.reusable, `kept, ${where}`);
    } else {
      assertEquals([outcome.response?.status, outcome.body], [expected.status, expected.body], where);
      whole++;
    }
  }
  assert(
    whole > ROUNDS / 20 && whole < ROUNDS / 1.05,
    `${whole} of the answers were whole: nothing was tried`,
  );

  function mutate(text: string): string {
    const at = below(text.length + 1);
    switch (below(6)) {
      case 0:
        return text.slice(0, at) + text.slice(at + 1 + below(3));
      case 1:
        return text.slice(0, at) + pick(SPLICES) + text.slice(at);
      case 2:
        return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
      case 3:
        return text.slice(0, at);
      case 4: {
        const end = at + below(20);
        return text.slice(0, end) + text.slice(at, end) + text.slice(end);
      }
      default: {
        const other = pick(SEEDS);
        return text.slice(0, at) + other.slice(below(other.length));
      }
    }
  }
});
