/** The scanner of JSON answers against the strict reader, and against the reference. */

import { ResponseTap } from "../../../src/accounting/taps/response_tap.ts";
import { type FuzzTarget, inPieces, type Random, same, utf8 } from "../target.ts";
import { JSON_SEEDS, JSON_WORDS } from "./json_seeds.ts";
import { expectedValues, referenceValues, scannedValues } from "./selected_values.ts";
import { contentFields } from "../../support/data/fields.ts";

function observed(pieces: readonly Uint8Array[]): unknown {
  const tap = ResponseTap.of(contentFields("application/json"));
  for (const piece of pieces) tap?.write(piece);
  return tap?.end();
}

function check(input: Uint8Array, chance: Random): string {
  const found = scannedValues([input]);
  const expected = expectedValues(input);
  if (expected !== undefined) same(found, expected, "what is found");
  same(found, referenceValues(input), "the reference finds other values");
  same(scannedValues(inPieces(input, chance)), found, "pieces matter");
  same(observed(inPieces(input, chance)), observed([input]), "what is observed depends on pieces");
  return `${expected !== undefined} ${found.map(([path]) => path).slice(0, 4).join()}`;
}

/** Answers of JSON. */
export const target: FuzzTarget = {
  name: "json_scanner",
  seeds: [
    ...JSON_SEEDS,
    ...[
      '{"choices":[{"finish_reason":"stop"},{"finish_reason":null}],"incomplete_details":{"reason":"x"}}',
      '[[{"model":"a"}],{"candidates":[{"finishReason":"STOP"}]}]',
      '{"response":[{"model":1}],"response":{"model":"b","usage":{"a":{"b":[1]}}}}',
      `${"[".repeat(70)}{"model":1}${"]".repeat(70)}`,
      '{"us\\u0061ge":1,"incomplete\\u005fdetails":{"reason":"\\u0061"}}',
    ].map(utf8),
  ],
  words: [
    ...JSON_WORDS,
    '"finish_reason":"stop"',
    '"choices":[{',
    '"response":{',
    '"candidates":[',
    '"finishReason":"x"',
    '"usageMetadata":',
    "\\\\",
    '\\\\"',
  ],
  check,
  read: (input) => observed([input]),
};
