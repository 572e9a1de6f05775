/** Estimates the usage that a response did not report. So the work of a model always costs something. */

import { BYTES_PER_TOKEN } from "./bytes_per_token.ts";
import type { MediaEstimate } from "./media_estimate.ts";
import type { UnfinishedUsage } from "../taps/response_summary.ts";
import { sumOf, type Usage } from "../usage/usage.ts";

/** The bytes of a token in a form. Audio and images in a form have fewer tokens per byte than text. */
const FORM_BYTES_PER_TOKEN = 32;
/** Below this number of tokens, an estimate is too rough to contradict the reported usage. */
const FEW_TOKENS = 100;

/** The upper bound of what a request may use. */
export interface UsageBound {
  /** The input: its tokens, and its sound. */
  readonly input: Usage;
  readonly outputTokens: number;
  /** Whether this usage was reserved. Invisible output then counts, up to the reservation. */
  readonly isReserved: boolean;
}

/** How much of a response arrived, and how it ended. */
export interface ResponseProgress {
  /** Whether the headers of a response arrived. */
  readonly isAnswered: boolean;
  /** Whether the response is complete. */
  readonly isComplete: boolean;
  /** Whether the response has a stop reason, so that all of its output was generated. */
  readonly hasStopped: boolean;
  /** The estimated tokens of its text. `undefined` if the proxy does not read text of its type. */
  readonly textTokens: number | undefined;
  /** The number of pieces of text. `undefined` if the proxy does not read text of its type. */
  readonly texts: number | undefined;
  /** The estimated tokens of the text after the last reported usage. */
  readonly unreportedTextTokens: number | undefined;
  /** Whether the output arrived while it was generated. Text that did not arrive was then not generated. */
  readonly isStream: boolean;
  readonly bytes: number;
  /** The bytes of a token in a response without readable text, by the type of the response. */
  readonly bytesPerToken: number;
  /** The estimated images and sound. */
  readonly media: MediaEstimate;
  readonly durationMs: number;
  /** The part of the duration without visible output. Invisible reasoning costs money too. */
  readonly unseenMs: number;
  /** The speed of the model. */
  readonly tokensPerMs: number;
}

/** Estimates the tokens of a request's body by its length in bytes. */
export function estimatedTokens({ kind, length }: { kind: string; length: number }): number {
  return Math.ceil(length / (kind === "form" ? FORM_BYTES_PER_TOKEN : BYTES_PER_TOKEN));
}

/**
 * Returns the reported usage with estimates for what is missing: the input, the output, or both. Returns the
 * same object if nothing is missing, or if nothing can be estimated.
 */
export function estimatedUsage(usage: Usage, possible: UsageBound, progress: ResponseProgress): Usage {
  const { inputTokens = usage.inputAudioSeconds, outputTokens } = usage;
  const isUnreported = inputTokens === undefined && outputTokens === undefined;
  const isOutputMissing = isUnreported ||
    (progress.isComplete
      ? lacksOutput(usage, possible) || hasMoreText(progress, outputTokens)
      : !progress.hasStopped || outputTokens === undefined);
  if (inputTokens !== undefined && !isOutputMissing) return usage;
  const output = isOutputMissing ? outputOf(possible, progress) : undefined;
  // Sound that is priced by its length has no output with a price, so its input alone is the usage.
  if (isUnreported && output === undefined && possible.input.inputAudioSeconds === undefined) return usage;
  const { imageTokens, soundTokens } = progress.media;
  return {
    ...usage,
    ...(inputTokens === undefined && possible.input),
    ...(output !== undefined && { outputTokens: Math.max(outputTokens ?? 0, output) }),
    ...(output !== undefined && imageTokens > 0 && { outputImageTokens: imageTokens }),
    ...(output !== undefined && soundTokens > 0 && { outputAudioTokens: soundTokens }),
  };
}

/**
 * Whether the output is missing in a usage. Embeddings and rankings have no output. Speech that is priced by
 * its duration has no output with a price.
 */
function lacksOutput(
  { outputTokens, inputAudioSeconds }: Usage,
  { outputTokens: most }: UsageBound,
): boolean {
  return outputTokens === undefined && inputAudioSeconds === undefined && most > 0;
}

/** Estimates the output in tokens. `undefined` if that is not possible. */
function outputOf(
  { outputTokens: most, isReserved }: UsageBound,
  progress: ResponseProgress,
): number | undefined {
  const { isAnswered, isComplete, isStream, textTokens, texts, bytes, durationMs, unseenMs, tokensPerMs } =
    progress;
  const { media } = progress;
  // Each piece of text has one token or more.
  const text = Math.max(textTokens ?? 0, texts ?? 0) + media.imageTokens + media.soundTokens;
  // Visible text counts even beyond the limit of the request, because not every server obeys the limit.
  const seen = Math.ceil(text);
  if (!isReserved) {
    // Nothing can be estimated from text that the proxy cannot read, or from a complete response without
    // text.
    if (isAnswered && (textTokens === undefined || isComplete && text === 0)) return undefined;
    if (isComplete || isStream) return seen;
  } else if (isStream && text > 0) {
    return Math.max(seen, Math.min(most, Math.ceil(text + unseenMs * tokensPerMs)));
  } else if (isComplete) return most;
  // A response that is not streamed was generated before its first byte, or during the whole wait.
  const written = Math.ceil(Math.max((bytes - media.bytes) / BYTES_PER_TOKEN, durationMs * tokensPerMs));
  return Math.max(seen, Math.min(most, written));
}

/**
 * Estimates the tokens that a response shows: those of its text, images and sound. Uses the length if the
 * proxy finds no text in it.
 */
export function visibleTokens({ textTokens, texts, media, bytes, bytesPerToken }: ResponseProgress): number {
  const seen = Math.ceil(Math.max(textTokens ?? 0, texts ?? 0)) + media.imageTokens + media.soundTokens;
  return seen > 0 ? seen : Math.ceil(bytes / bytesPerToken);
}

/**
 * Whether much text follows the last reported usage of a stream without a stop reason: much more than that
 * usage reported.
 */
function hasMoreText(
  { isStream, hasStopped, unreportedTextTokens = 0 }: ResponseProgress,
  outputTokens: number | undefined,
): boolean {
  return isStream && !hasStopped && outputTokens !== undefined &&
    unreportedTextTokens > outputTokens + FEW_TOKENS;
}

/**
 * Returns the reported usage of a session, with estimates for its unfinished responses. `tokensPerMs` is the
 * speed of invisible output. It is 0 if invisible output does not count.
 */
export function withUnfinished(
  usage: Usage,
  unfinished: readonly UnfinishedUsage[],
  { tokensPerMs, ...most }: {
    readonly inputTokens: number;
    readonly outputTokens: number;
    readonly tokensPerMs: number;
  },
): Usage {
  return unfinished.reduce<Usage>(
    (total, { inputTokens = 0, inputAudioTokens, outputTokens = 0, outputAudioTokens, unseenMs = 0 }) =>
      sumOf(total, {
        inputTokens: Math.min(inputTokens, most.inputTokens),
        outputTokens: Math.min(outputTokens + Math.ceil(unseenMs * tokensPerMs), most.outputTokens),
        ...(inputAudioTokens !== undefined && {
          inputAudioTokens: Math.min(inputAudioTokens, most.inputTokens),
        }),
        ...(outputAudioTokens !== undefined && {
          outputAudioTokens: Math.min(outputAudioTokens, most.outputTokens),
        }),
      }),
    usage,
  );
}
