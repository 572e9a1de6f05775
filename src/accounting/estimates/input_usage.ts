/**
 * The usage of an estimated input. It has the tokens and the length of sound, because models price sound by
 * one or the other.
 */

import type { Usage } from "../usage/usage.ts";

/** A token of sound is a tenth of a second (https://platform.openai.com/docs/guides/realtime-costs). */
export const SOUND_TOKENS_PER_SECOND = 10;

/** Returns the usage of an input of text or of sound. `most` is the maximum input of the model in tokens. */
export function inputUsage(
  { inputTokens, soundSeconds, most }: {
    readonly inputTokens: number;
    /** The length of its sound in seconds. `undefined` if the model reads no sound. */
    readonly soundSeconds?: number | undefined;
    readonly most: number;
  },
): Usage {
  if (soundSeconds === undefined) return { inputTokens: Math.min(inputTokens, most) };
  const tokens = Math.min(Math.ceil(soundSeconds * SOUND_TOKENS_PER_SECOND), most);
  return { inputTokens: tokens, inputAudioTokens: tokens, inputAudioSeconds: soundSeconds };
}
