/** What a limited request may have used where its answer did not say all of it: nothing that a model did is free. */

import { sumOf, type Usage } from "./usage.ts";

/** Most tokens of text have about four letters; the events that carry them are longer. */
const BYTES_PER_TOKEN = 4;
/** Sound and images in a form have fewer tokens than text. */
const FORM_BYTES_PER_TOKEN = 32;
/** Estimates of short texts are too rough to doubt what was reported. */
const FEW_TOKENS = 100;

/** What a request may use. */
export interface UsageBound {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** So much was reserved: what nobody saw counts then, as far as that goes. */
  readonly isReserved: boolean;
}

/** How far an answer came. */
export interface ResponseProgress {
  readonly isAnswered: boolean;
  readonly isComplete: boolean;
  /** It said why it stopped: all of its output had been written. */
  readonly hasStopped: boolean;
  /** An estimate of the text that it held; undefined where its type holds none that is read. */
  readonly textTokens: number | undefined;
  /** In how many pieces it came. */
  readonly texts: number | undefined;
  /** The part of the estimate that came behind the last usage that was reported. */
  readonly unreportedTextTokens: number | undefined;
  /** The answer was streamed: text that had not arrived had not been generated. */
  readonly isStream: boolean;
  readonly bytes: number;
  readonly durationMs: number;
  /** How long of that nothing was seen of what the model wrote. Reasoning that nobody sees is paid for too. */
  readonly unseenMs: number;
  /** How fast the model writes. */
  readonly tokensPerMs: number;
}

/** How many tokens the body of a request may have. */
export function estimatedTokens({ kind, length }: { kind: string; length: number }): number {
  return Math.ceil(length / (kind === "form" ? FORM_BYTES_PER_TOKEN : BYTES_PER_TOKEN));
}

/**
 * The stated usage, with estimates for what is missing. The same object if nothing is missing, or nothing can be
 * estimated.
 */
export function estimatedUsage(usage: Usage, possible: UsageBound, progress: ResponseProgress): Usage {
  const { inputTokens = usage.inputAudioSeconds, outputTokens } = usage;
  const isUnreported = inputTokens === undefined && outputTokens === undefined;
  const isOutputMissing = progress.isComplete
    ? isUnreported || hasMoreText(progress, outputTokens)
    : !progress.hasStopped || outputTokens === undefined;
  if (inputTokens !== undefined && !isOutputMissing) return usage;
  const output = isOutputMissing ? outputOf(possible, progress) : undefined;
  if (isUnreported && output === undefined) return usage;
  return {
    ...usage,
    ...(inputTokens === undefined && { inputTokens: possible.inputTokens }),
    ...(output !== undefined && { outputTokens: Math.max(outputTokens ?? 0, output) }),
  };
}

/** How much output was written. Undefined: nobody can say. */
function outputOf(
  { outputTokens: most, isReserved }: UsageBound,
  progress: ResponseProgress,
): number | undefined {
  const { isAnswered, isComplete, isStream, textTokens, texts, bytes, durationMs, unseenMs, tokensPerMs } =
    progress;
  // Each piece has a token at least.
  const text = Math.max(textTokens ?? 0, texts ?? 0);
  // What was seen counts also where it is more than the request stated: not every server obeys.
  const seen = Math.ceil(text);
  if (!isReserved) {
    // Of a whole answer without any text that is known, nobody can say what it is.
    if (isAnswered && (textTokens === undefined || isComplete && text === 0)) return undefined;
    if (isComplete || isStream) return seen;
  } else if (isStream && text > 0) {
    return Math.max(seen, Math.min(most, Math.ceil(text + unseenMs * tokensPerMs)));
  } else if (isComplete) return most;
  // What comes as a whole had been written when it began to come, or for as long as it was awaited.
  const written = Math.ceil(Math.max(bytes / BYTES_PER_TOKEN, durationMs * tokensPerMs));
  return Math.max(seen, Math.min(most, written));
}

/** Whether a stream that ended with an error, and without a reason to stop, shows far more behind what it reported. */
function hasMoreText(
  { isStream, hasStopped, unreportedTextTokens = 0 }: ResponseProgress,
  outputTokens: number | undefined,
): boolean {
  return isStream && !hasStopped && outputTokens !== undefined &&
    unreportedTextTokens > outputTokens + FEW_TOKENS;
}

/** What a session has reported, with estimates for its answers that were cut. */
export function withUnfinished(
  usage: Usage,
  unfinished: readonly Usage[],
  most: Omit<UsageBound, "isReserved">,
): Usage {
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
