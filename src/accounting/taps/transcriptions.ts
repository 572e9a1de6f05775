/**
 * Counts the transcriptions of a realtime session. Another model than that of the session transcribes the
 * sound of the client, and an event has its usage. Usage that never arrives is estimated by the sound
 * (https://platform.openai.com/docs/guides/realtime-transcription).
 */

import type { UsageStep } from "../usage/reported_usage.ts";
import { sumOf, type Usage } from "../usage/usage.ts";
import { type ClientSound, SOUND_TOKENS_PER_SECOND, type SpeechTimes } from "./client_sound.ts";

/** The most models of a session that are counted separately. */
const MAX_MODELS = 10;
/** The most simultaneous transcriptions, and the most ended ones that are known. */
const MAX_SPEECHES = 500;
/** The most tokens of speech. A session ends after an hour. */
const MAX_SPEECH_TOKENS = 3_600 * SOUND_TOKENS_PER_SECOND;
/** The bytes of a token of text. */
const BYTES_PER_TOKEN = 4;

/** Speech of the client, whose transcription has not ended. */
interface Speech {
  /** The transcription model when the speech ended. It can change before its usage arrives. */
  readonly model: string;
  /** The estimated tokens of its sound, and of the transcript that has arrived. */
  sound: number;
  text: number;
  /** Whether the speech has ended. Some models transcribe it before. */
  isCommitted: boolean;
  /** The part of the sound that may belong to later speech. */
  later: number;
  /** Whether the server has stated the times of the speech. */
  isTimed: boolean;
}

/** The times of speech that a server has stated so far. */
type MaybeTimes = { readonly [Time in keyof SpeechTimes]?: number | undefined };

/** An event of a transcription. */
export interface TranscriptionEvent {
  /** The last part of its type: `delta`, `segment`, `completed` or `failed`. */
  readonly what: string;
  /** Empty if the event has none. */
  readonly itemId: string;
  /** The length of the event, and the tokens of its delta. */
  readonly bytes: number;
  readonly textTokens: number;
  /** The usage that it reports, which is empty in most events. */
  readonly usage: Usage;
}

/** The transcriptions of one session. */
export class Transcriptions {
  readonly #sound: ClientSound;
  /** The model that transcribes now. Empty if none does. */
  #model = "";
  readonly #usage = new Map<string, Usage>();
  /** The models with estimated usage. */
  readonly #estimated = new Set<string>();
  readonly #speeches = new Map<string, Speech>();
  /** The items whose transcription has ended. Late events of them begin no new one. */
  readonly #ended = new Set<string>();
  /** What the server states of the latest speech that it detected. */
  #detected: { readonly itemId: string; readonly times: MaybeTimes } | undefined;
  /** The tokens of sound that was counted for speech that was shorter, so that it is part of later speech. */
  #returned = 0;
  /** The model of the latest transcription that did not report its sound. */
  #unreported: string | undefined;

  constructor(sound: ClientSound) {
    this.#sound = sound;
  }

  /** Changes the model for later speech. An empty name turns transcription off. */
  use(model: string): void {
    this.#model = model;
  }

  /** Notes the parts of the times of speech that the current message of the server states. */
  detected(itemId: string, times: { readonly [Time in keyof SpeechTimes]: unknown }): void {
    const { startMs, endMs } = this.#detected?.itemId === itemId ? this.#detected.times : {};
    this.#detected = {
      itemId,
      times: {
        startMs: isTime(times.startMs) ? times.startMs : startMs,
        endMs: isTime(times.endMs) ? times.endMs : endMs,
      },
    };
  }

  /** Notes the end of speech. */
  commit(itemId: string): void {
    const { startMs, endMs } = this.#detected?.itemId === itemId ? this.#detected.times : {};
    const times = startMs === undefined || endMs === undefined || endMs < startMs
      ? undefined
      : { startMs, endMs };
    if (this.#model === "") {
      if (times === undefined) this.#sound.dropSpeech();
      else this.#sound.dropUntil(times);
      return;
    }
    const speech = this.#speechOf(itemId);
    const isKnown = speech.isCommitted;
    speech.isCommitted = true;
    if (times === undefined) return this.#addSound(speech);
    const exact = Math.min(
      (times.endMs - times.startMs) / 1_000 * SOUND_TOKENS_PER_SECOND,
      MAX_SPEECH_TOKENS,
    );
    speech.sound = isKnown ? speech.sound + exact : exact;
    if (!isKnown) {
      speech.later = 0;
      speech.isTimed = true;
    }
    this.#sound.dropUntil(times);
  }

  /** Counts an event. A client can leave after the first words, before the usage. */
  add({ what, itemId, bytes, textTokens, usage }: TranscriptionEvent): void {
    const isLast = what === "completed" || what === "failed";
    const hasEnded = this.#ended.has(itemId);
    if (hasEnded && !isLast) return;
    // If the item is a part of the oldest one, the sound of both stays there.
    const isKept = hasEnded || isLast && this.#isFull && !this.#speeches.has(itemId);
    const speech = isKept ? newSpeech(this.#model) : this.#speechOf(itemId);
    if (what === "delta") speech.text += Math.max(1, textTokens);
    if (!isLast) return;
    if (!isKept && !speech.isCommitted) this.#addSound(speech);
    this.#end(itemId);
    const { inputTokens, inputAudioTokens, inputAudioSeconds, outputTokens } = usage;
    const isReported = Object.keys(usage).length > 0;
    // A transcription that fails at once is free.
    if (!isReported && what === "failed" && speech.text === 0) return this.#return(speech, 0);
    if (isReported) {
      this.#return(
        speech,
        inputAudioTokens ?? inputTokens ?? (inputAudioSeconds ?? 0) * SOUND_TOKENS_PER_SECOND,
      );
    }
    // Sound that is priced by its length has no tokens.
    const hasInput = inputTokens !== undefined || inputAudioSeconds !== undefined;
    const hasOutput = outputTokens !== undefined || inputAudioSeconds !== undefined;
    if (hasInput && hasOutput) return void this.#count(speech.model, usage);
    if (!hasInput && !isKept) this.#addReturned(speech);
    const { outputTokens: output, ...input } = usageOf({
      sound: speech.sound,
      text: speech.text === 0 ? bytes / BYTES_PER_TOKEN : speech.text,
    });
    this.#estimated.add(
      this.#count(speech.model, {
        ...usage,
        ...(!hasInput && input),
        ...(!hasOutput && { outputTokens: output }),
      }),
    );
  }

  /** Ends the session. Returns the usage of each model. */
  end(): UsageStep[] {
    const speeches = [...this.#speeches.values()];
    const latest = speeches.findLast(({ isTimed }) => !isTimed);
    if (latest !== undefined) this.#addReturned(latest);
    else if (this.#unreported !== undefined && this.#returned > 0) {
      this.#estimate({ model: this.#unreported, sound: this.#returned, text: 0 });
    }
    for (const speech of speeches) {
      if (!speech.isCommitted) this.#addSound(speech);
      if (speech.text > 0 || speech.sound > 0) this.#estimate(speech);
    }
    this.#speeches.clear();
    return [...this.#usage].map(([model, usage]) =>
      this.#estimated.has(model) ? { model, usage, isEstimated: true } : { model, usage }
    );
  }

  get #isFull(): boolean {
    return this.#speeches.size >= MAX_SPEECHES;
  }

  /** Returns the speech of an item. Above the limit, it is part of the oldest item. */
  #speechOf(itemId: string): Speech {
    const known = this.#speeches.get(itemId);
    if (known !== undefined) return known;
    this.#ended.delete(itemId);
    const [oldest] = this.#isFull ? this.#speeches.values() : [];
    if (oldest !== undefined) return oldest;
    const speech = newSpeech(this.#model);
    this.#speeches.set(itemId, speech);
    return speech;
  }

  /** Adds the sound since the latest speech. */
  #addSound(speech: Speech): void {
    const { bytes, later } = this.#sound.takeSpeech({ isEnd: speech.isCommitted });
    speech.sound += this.#sound.tokens(bytes);
    speech.later += this.#sound.tokens(later);
  }

  /**
   * Keeps the sound of speech that is longer than the reported sound, for later speech. The reported sound of
   * later speech can include it.
   */
  #return({ sound, later }: Speech, reported: number): void {
    this.#returned = Math.max(0, this.#returned + Math.min(later, sound - reported));
  }

  #addReturned(speech: Speech): void {
    if (speech.isTimed) return;
    this.#unreported = speech.model;
    speech.sound += this.#returned;
    this.#returned = 0;
  }

  #end(itemId: string): void {
    this.#speeches.delete(itemId);
    if (itemId === "") return;
    this.#ended.add(itemId);
    const [oldest = ""] = this.#ended.size > MAX_SPEECHES ? this.#ended : [];
    this.#ended.delete(oldest);
  }

  #estimate(speech: Pick<Speech, "model" | "sound" | "text">): void {
    this.#estimated.add(this.#count(speech.model, usageOf(speech)));
  }

  /** Adds usage of a model. Returns the name that it is counted under. */
  #count(model: string, usage: Usage): string {
    const counted = this.#usage.size < MAX_MODELS || this.#usage.has(model) ? model : "";
    this.#usage.set(counted, sumOf(this.#usage.get(counted) ?? {}, usage));
    return counted;
  }
}

function newSpeech(model: string): Speech {
  return { model, sound: 0, text: 0, isCommitted: false, later: 0, isTimed: false };
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}

/** Estimates the usage of a transcription. */
function usageOf({ sound, text }: Pick<Speech, "sound" | "text">): Usage {
  const inputTokens = Math.ceil(sound);
  // Some models have a price per second only.
  const inputAudioSeconds = sound / SOUND_TOKENS_PER_SECOND;
  return { inputTokens, inputAudioTokens: inputTokens, inputAudioSeconds, outputTokens: Math.ceil(text) };
}
