/** What a scanner has to find in a JSON text, as the strict reader finds it. */

import { JsonScanner } from "../../../src/payload/json_scanner.ts";
import { compileSelection, type SelectionNode } from "../../../src/payload/json_selection.ts";
import { JsonReader, JsonSyntaxError } from "../../../src/payload/json_reader.ts";
import { referenceReports } from "../../support/data/reference_scanner.ts";
import { latin1Text } from "../target.ts";

/** Some of what answers are looked through for. */
const SELECTION = {
  model: true,
  usage: true,
  incomplete_details: { reason: true },
  choices: { "*": { finish_reason: true } },
  response: { usage: true, model: true },
  usageMetadata: true,
  candidates: { "*": { finishReason: true } },
} as const;
export const SELECTED: SelectionNode = compileSelection(SELECTION);
/** Beyond it nothing is looked for. */
const MAX_DEPTH = 64;

/** A path and the value there. */
export type FoundValue = readonly [path: string, value: unknown];

interface Node {
  readonly place: SelectionNode;
  readonly depth: number;
}

/** All wanted values of one JSON text, repeated members included; undefined: it is none. */
export function expectedValues(bytes: Uint8Array): FoundValue[] | undefined {
  const found: FoundValue[] = [];
  const reader = new JsonReader<Node>(bytes, {
    root: { place: SELECTED, depth: 0 },
    enter({ place, depth }, key) {
      const inner = depth >= MAX_DEPTH
        ? undefined
        : key === undefined
        ? place.array?.elements
        : place.object?.groups.flat().find(({ bytes }) => new TextDecoder().decode(bytes) === key)?.node;
      return inner && { place: inner, depth: depth + 1 };
    },
    ended({ place: { path, object } }, { start, end }) {
      if (object !== undefined) return;
      found.push([path, JSON.parse(new TextDecoder().decode(bytes.subarray(start, end)))]);
    },
  });
  try {
    reader.step(bytes.length + 1);
    return found;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

/** The wanted values as the reference finds them, also in what is cut or is not JSON. */
export function referenceValues(bytes: Uint8Array): FoundValue[] {
  return referenceReports(latin1Text(bytes), SELECTION).flatMap((report) =>
    report[0] === "value" ? [[report[1], report[2]]] : []
  );
}

/** What the scanner finds in pieces of one text. */
export function scannedValues(pieces: readonly Uint8Array[]): FoundValue[] {
  const found: FoundValue[] = [];
  const scanner = new JsonScanner(SELECTED, (path, value) => found.push([path, value]));
  for (const piece of pieces) scanner.write(piece);
  return found;
}
