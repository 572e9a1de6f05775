/** Estimates the length of sound in a request, because some responses to it state no usage. */

import { statedLength } from "./sound_container.ts";

/**
 * The bytes of a second of compressed sound. They are 8 kbit/s, the lowest rate of MP3 and of intelligible
 * speech in Opus. Usual rates are 2 to 16 times higher, so the estimate of a usual file is too long.
 */
const BYTES_PER_SECOND = 1_000;
/** The length in seconds for sound whose length the body does not show: eight hours. */
export const UNKNOWN_SOUND_SECONDS = 28_800;
/** The longest stated length that is accepted, in seconds. No file of sound is longer. */
const MAX_STATED_SECONDS = 1_000_000;
/** The format tag of uncompressed sound. */
const PCM = 1;
const HEADER_BYTES = 12;
const CHUNK_HEAD_BYTES = 8;
const FORMAT_BYTES = 16;
/** The most chunks before the samples. */
const MAX_CHUNKS = 20;
/**
 * The highest rate of common recordings, in bytes per second. A header with a higher rate does not make the
 * estimate shorter.
 */
const MAX_PCM_BYTES_PER_SECOND = 192_000;

/**
 * Returns the length of sound in seconds. For uncompressed WAV it comes from the header, and for everything
 * else from the number of bytes. If the container states a longer time, that time counts, because silence has
 * almost no bytes. If a known container states no time, the sound may last for {@link UNKNOWN_SOUND_SECONDS}.
 */
export function soundSeconds(bytes: Uint8Array): number {
  const pcm = pcmBytesPerSecond(bytes);
  const byBytes = bytes.length / Math.max(BYTES_PER_SECOND, pcm ?? 0);
  if (pcm !== undefined && pcm > 0) return byBytes;
  const stated = statedLength(bytes) ?? 0;
  return Math.max(
    byBytes,
    Math.min(stated === "unknown" ? UNKNOWN_SOUND_SECONDS : stated, MAX_STATED_SECONDS),
  );
}

/** Returns the length of compressed sound with this number of bytes, in seconds. */
export function secondsOfBytes(length: number): number {
  return length / BYTES_PER_SECOND;
}

/**
 * Returns the rate of uncompressed WAV by its header, in bytes per second. `undefined` for all other bytes.
 */
function pcmBytesPerSecond(bytes: Uint8Array): number | undefined {
  if (!isText(bytes, 0, "RIFF") || !isText(bytes, 8, "WAVE")) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = HEADER_BYTES;
  for (let chunk = 0; chunk < MAX_CHUNKS && at + CHUNK_HEAD_BYTES + FORMAT_BYTES <= bytes.length; chunk++) {
    const start = at + CHUNK_HEAD_BYTES;
    if (isText(bytes, at, "fmt ")) {
      if (view.getUint16(start, true) !== PCM) return undefined;
      const channels = view.getUint16(start + 2, true);
      const rate = view.getUint32(start + 4, true);
      const bits = view.getUint16(start + 14, true);
      return Math.min(channels * rate * Math.ceil(bits / 8), MAX_PCM_BYTES_PER_SECOND);
    }
    at = start + view.getUint32(at + 4, true);
  }
  return undefined;
}

function isText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[at + index] !== text.charCodeAt(index)) return false;
  }
  return true;
}
