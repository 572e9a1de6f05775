/**
 * Counts the transcriptions of a realtime session. Another model than that of the session transcribes the
 * sound of the client, and an event has its usage. Usage that never arrives is estimated by the sound
 * (https://platform.openai.com/docs/guides/realtime-transcription).
 */

import type { UsageStep } from "../usage/reported_usage.ts";
import { sumOf, type Usage } from "../usage/usage.ts";
import { type ClientSound, SOUND_TOKENS_PER_SECOND } from "./client_sound.ts";

/** The most models of a session that are counted separately. */
const MAX_MODELS = 10;
/** The most simultaneous transcriptions, and the most ended ones that are known. */
const MAX_SPEECHES = 500;
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
}

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

  constructor(sound: ClientSound) {
    this.#sound = sound;
  }

  /** Changes the model for later speech. An empty name turns transcription off. */
  use(model: string): void {
    this.#model = model;
  }

  /** Notes the end of speech. */
  commit(itemId: string): void {
    if (this.#model === "") this.#sound.takeSpeech();
    else this.#addSound(itemId).isCommitted = true;
  }

  /** Counts an event. A client can leave after the first words, before the usage. */
  add({ what, itemId, bytes, textTokens, usage }: TranscriptionEvent): void {
    const isLast = what === "completed" || what === "failed";
    const hasEnded = this.#ended.has(itemId);
    if (hasEnded && !isLast) return;
    const known = this.#speeches.get(itemId);
    const speech = hasEnded
      ? { model: this.#model, sound: 0, text: 0 }
      : known?.isCommitted === true
      ? known
      : this.#addSound(itemId);
    if (what === "delta") speech.text += Math.max(1, textTokens);
    if (!isLast) return;
    this.#end(itemId);
    if (what === "failed") return;
    if (Object.keys(usage).length > 0) return void this.#count(speech.model, usage);
    const text = speech.text === 0 ? bytes / BYTES_PER_TOKEN : speech.text;
    this.#estimate({ ...speech, text });
  }

  /** Ends the session. Returns the usage of each model. */
  end(): UsageStep[] {
    for (const speech of this.#speeches.values()) {
      if (speech.text > 0 || speech.sound > 0) this.#estimate(speech);
    }
    this.#speeches.clear();
    return [...this.#usage].map(([model, usage]) =>
      this.#estimated.has(model) ? { model, usage, isEstimated: true } : { model, usage }
    );
  }

  /** Adds the sound since the latest speech to an item. Above the limit, it is part of the oldest item. */
  #addSound(itemId: string): Speech {
    const [oldest] = this.#speeches.size < MAX_SPEECHES ? [] : this.#speeches.values();
    const speech = this.#speeches.get(itemId) ?? oldest ??
      { model: this.#model, sound: 0, text: 0, isCommitted: false };
    speech.sound += this.#sound.tokens(this.#sound.takeSpeech());
    if (speech !== oldest) this.#speeches.set(itemId, speech);
    this.#ended.delete(itemId);
    return speech;
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

/** Estimates the usage of a transcription. */
function usageOf({ sound, text }: Pick<Speech, "sound" | "text">): Usage {
  const inputTokens = Math.ceil(sound);
  // Some models have a price per second only.
  const inputAudioSeconds = sound / SOUND_TOKENS_PER_SECOND;
  return { inputTokens, inputAudioTokens: inputTokens, inputAudioSeconds, outputTokens: Math.ceil(text) };
}
