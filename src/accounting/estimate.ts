/** What a limited request may have used where its answer did not say all of it: nothing that a model did is free. */

import { sumOf, type Usage } from "./usage.ts";

/** Most tokens of text have about four letters; the events that carry them are longer. */
const BYTES_PER_TOKEN = 4;
/** Sound and images in a form have fewer tokens than text. */
const FORM_BYTES_PER_TOKEN = 32;
/** Faster than common models write; also what they write unseen is paid for. */
const TOKENS_PER_MS = 0.2;

/** The most that a request may use. */
export interface Possible {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** How far an answer came. */
export interface Progress {
  readonly isComplete: boolean;
  /** It said why it stopped: all of its output had been written. */
  readonly hasStopped: boolean;
  readonly bytes: number;
  readonly durationMs: number;
}

/** How many tokens the body of a request may have. */
export function estimatedTokens({ kind, bytes }: { kind: string; bytes: Uint8Array }): number {
  return Math.ceil(bytes.length / (kind === "form" ? FORM_BYTES_PER_TOKEN : BYTES_PER_TOKEN));
}

/** What is told, with estimates for what is not. The same object where nothing is missing. */
export function estimated(usage: Usage, possible: Possible, progress: Progress): Usage {
  const { inputTokens = usage.inputAudioSeconds, outputTokens } = usage;
  const isUntold = inputTokens === undefined && outputTokens === undefined;
  const isOutputMissing = progress.isComplete ? isUntold : !progress.hasStopped || outputTokens === undefined;
  if (inputTokens !== undefined && !isOutputMissing) return usage;
  return {
    ...usage,
    ...(inputTokens === undefined && { inputTokens: possible.inputTokens }),
    ...(isOutputMissing && {
      outputTokens: Math.max(outputTokens ?? 0, mostOutput(possible, progress)),
    }),
  };
}

/** An answer that was cut can have no more than was written by then. */
function mostOutput({ outputTokens }: Possible, { isComplete, bytes, durationMs }: Progress): number {
  if (isComplete) return outputTokens;
  const written = Math.max(bytes / BYTES_PER_TOKEN, durationMs * TOKENS_PER_MS);
  return Math.min(outputTokens, Math.ceil(written));
}

/** What a session has told, with estimates for its answers that were cut. */
export function withUnfinished(usage: Usage, unfinished: readonly Usage[], most: Possible): Usage {
  return unfinished.reduce<Usage>(
    (total, { inputTokens = 0, outputTokens = 0, outputAudioTokens }) =>
      sumOf(total, {
        inputTokens: Math.min(inputTokens, most.inputTokens),
        outputTokens: Math.min(outputTokens, most.outputTokens),
        ...(outputAudioTokens !== undefined && {
          outputAudioTokens: Math.min(outputAudioTokens, most.outputTokens),
        }),
      }),
    usage,
  );
}
