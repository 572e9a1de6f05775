/** The scanner of event streams against a reading of the whole, line by line. */

import { ResponseTap } from "../../../src/accounting/taps/response_tap.ts";
import { EventStreamScanner } from "../../../src/payload/event_stream_scanner.ts";
import { JsonScanner } from "../../../src/payload/json_scanner.ts";
import { latin1 } from "../../support/clients/byte_input.ts";
import { type FuzzTarget, inPieces, latin1Text, type Random, same, utf8 } from "../target.ts";
import { naiveEvents } from "./event_stream.ts";
import { golden, JSON_WORDS } from "./json_seeds.ts";
import { type FoundValue, scannedValues, SELECTED } from "./selected_values.ts";
import { contentFields } from "../../support/data/fields.ts";

function scanned(pieces: readonly Uint8Array[]): FoundValue[] {
  const found: FoundValue[] = [];
  const scanner = new EventStreamScanner(
    new JsonScanner(SELECTED, (path, value) => found.push([path, value])),
  );
  for (const piece of pieces) scanner.write(piece);
  return found;
}

function observed(pieces: readonly Uint8Array[]): unknown {
  const tap = ResponseTap.of(contentFields("text/event-stream"));
  for (const piece of pieces) tap?.write(piece);
  return tap?.end();
}

function check(input: Uint8Array, chance: Random): string {
  const found = scanned([input]);
  const text = latin1Text(input);
  const events = naiveEvents(text);
  // The end of a line ends a number too, and the last line may have none.
  const expected = events.flatMap(({ data, hasDataEnded }) =>
    scannedValues([latin1(data.join("\n") + (hasDataEnded ? "\n" : ""))])
  );
  same(found, expected, "what is found");
  same(scanned(inPieces(input, chance)), found, "pieces matter");
  same(observed(inPieces(input, chance)), observed([input]), "what is observed depends on pieces");
  return `${Math.min(events.length, 4)} ${found.map(([path]) => path).slice(0, 4).join()}`;
}

/** Answers that are event streams. */
export const target: FuzzTarget = {
  name: "event_stream_scanner",
  seeds: [
    ...golden(".sse", 1_500),
    ...[
      'data: {"usage":1}\n\ndata: {"model":"a"}\r\n\r\ndata:{"model":\rdata:"b"}\r\r',
      ': ping\n\nevent: x\ndata: {"response":{"usage":{"a":1}}}\nid: 3\n\ndata: [DONE]\n\n',
      '\ufeffdata: {"model":"a"}\n\n',
      'data\ndata: {"model":"a"\ndata\ndata: }',
    ].map(utf8),
  ],
  words: [
    ...JSON_WORDS,
    "\n\n",
    "\r\n",
    "\r",
    "data:",
    "data: ",
    "\ndata: ",
    "data",
    "datax:",
    ":",
    "event: x\n",
    'data: {"usage":1}\n\n',
    "\xef\xbb\xbf",
    '"response":{',
  ],
  check,
  read: (input) => observed([input]),
};
