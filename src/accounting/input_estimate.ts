/** Estimates the input tokens of a request whose body is in memory. */

import { createPause, STEP_BYTES } from "../payload/pace.ts";
import { estimatedTokens } from "./estimate.ts";
import { JsonScanner } from "../payload/json_scanner.ts";
import { TextMeter } from "../payload/text_meter.ts";
import { INPUT_SELECTION } from "./text_selection.ts";
import { compileSelection } from "../payload/json_selection.ts";

const SELECTED = compileSelection(INPUT_SELECTION);

/**
 * The estimated input of a body in tokens: of text by its characters, and of everything else by its length. A promise
 * only if the body is so long that reading it makes pauses.
 */
export function inputTokensOf(
  { kind, bytes }: { kind: string; bytes: Uint8Array },
): number | Promise<number> {
  if (kind !== "json") return estimatedTokens({ kind, length: bytes.length });
  const text = new TextMeter();
  const scanner = new JsonScanner(SELECTED, ignore, { texts: text });
  if (bytes.length > STEP_BYTES) return inputTokensOfLong(bytes, { scanner, text });
  scanner.write(bytes);
  return tokensOf(bytes, text);
}

async function inputTokensOfLong(
  bytes: Uint8Array,
  { scanner, text }: { scanner: JsonScanner; text: TextMeter },
): Promise<number> {
  const pause = createPause();
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    scanner.write(bytes, at, Math.min(at + STEP_BYTES, bytes.length));
    await pause();
  }
  return tokensOf(bytes, text);
}

function tokensOf(bytes: Uint8Array, text: TextMeter): number {
  return estimatedTokens({ kind: "json", length: bytes.length - text.bytes }) + Math.ceil(text.tokens);
}

function ignore(): void {}
