/** Estimates the input tokens of a request whose body is in memory. */

import { createPause, STEP_BYTES } from "../payload/pace.ts";
import { estimatedTokens } from "./estimate.ts";
import { JsonScanner } from "../payload/json_scanner.ts";
import { TextMeter } from "../payload/text_meter.ts";
import { INPUT_SELECTION } from "./text_selection.ts";
import { compileSelection } from "../payload/json_selection.ts";

const SELECTED = compileSelection(INPUT_SELECTION);

/**
 * The estimated input of a body in tokens: of text by its characters, and of everything else by its length.
 */
export async function inputTokensOf(
  { kind, bytes }: { kind: string; bytes: Uint8Array },
): Promise<number> {
  if (kind !== "json") return estimatedTokens({ kind, length: bytes.length });
  const text = new TextMeter();
  const scanner = new JsonScanner(SELECTED, () => {}, { texts: text });
  const pause = createPause();
  for (let at = 0; at < bytes.length; at += STEP_BYTES) {
    scanner.write(bytes, at, Math.min(at + STEP_BYTES, bytes.length));
    await pause();
  }
  return estimatedTokens({ kind, length: bytes.length - text.bytes }) + Math.ceil(text.tokens);
}
