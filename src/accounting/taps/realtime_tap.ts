/**
 * Reads the usage of WebSockets while they pass: OpenAI's realtime sessions and responses, and Gemini's live
 * sessions. Each response of a session reports its usage. The usage of a response that was cut off is
 * estimated.
 */

import type { ResponseSummary } from "./response_summary.ts";
import { MessageScanner } from "../../payload/message_scanner.ts";
import { ReportedUsage } from "../usage/reported_usage.ts";
import { sumOf, type Usage } from "../usage/usage.ts";
import { compileSelection } from "../../payload/json_selection.ts";
import { ClientSound } from "./client_sound.ts";
import { Transcriptions } from "./transcriptions.ts";

/**
 * The values to select from the messages of the upstream
 * (https://platform.openai.com/docs/api-reference/realtime-server-events).
 */
const FROM_UPSTREAM = compileSelection({
  type: true,
  response_id: true,
  item_id: true,
  delta: "length",
  session: {
    model: true,
    input_audio_transcription: { model: true },
    input_audio_format: true,
    input_audio_sampling_rate: true,
    audio: { input: { transcription: { model: true }, format: { type: true, rate: true } } },
  },
  // The usage of a transcription: another model transcribes the audio of the client.
  usage: true,
  // https://ai.google.dev/api/live#BidiGenerateContentServerMessage
  usageMetadata: true,
  serverContent: { turnComplete: true },
  setupComplete: true,
  sessionResumptionUpdate: true,
  goAway: true,
  response: { id: true, usage: true, status: true, model: true },
});
const FROM_CLIENT = compileSelection({ type: true, setup: { model: true } });
/** The beginning of the types of all events about a transcription. */
const TRANSCRIPTION = "conversation.item.input_audio_transcription.";
/** The end of speech, and the removal of sound that was sent. */
const COMMITTED = "input_audio_buffer.committed";
const CLEARED = "input_audio_buffer.cleared";
/** The events that end a response. */
const LAST_EVENTS = ["response.done", "response.completed", "response.incomplete", "response.failed"];
/** The events that belong to no response. */
const OTHER_EVENTS =
  /^(?:session|transcription_session|conversation|input_audio_buffer|output_audio_buffer|mcp_list_tools|rate_limits|error)(?:\.|$)/;
/** The events that state the whole configuration of the session. */
const CONFIGURATIONS = /^(?:transcription_)?session\.(?:created|updated)$/;
const AUDIO_DELTA = /^response\.(?:output_)?audio\.delta$/;
/** The longest name or id that is read, in characters. */
const MAX_TEXT = 200;
/** The most types that are read of one message. A valid message has one type. */
const MAX_TYPES = 4;
/** The most simultaneous responses that are counted separately. */
const MAX_RESPONSES = 64;
/** The id for messages of which the proxy does not know whether they are part of a response. */
const UNKNOWN = "?";

/** The bytes of a token in messages whose text the proxy cannot read. */
const BYTES_PER_TOKEN = 4;
/**
 * The bytes of a token of audio: G.711 in Base64, with 20 tokens for a second of output and 10 for a second
 * of input.
 */
const AUDIO_OUT_BYTES_PER_TOKEN = 500;

/** The part of an unfinished response that has arrived. */
interface PartialResponse {
  /** The estimated tokens of its text. */
  text: number;
  /** The bytes of its audio, in base64. */
  audio: number;
  /** The bytes of the sound that the client sent for it. */
  heard: number;
}

/** Reads what both sides send on one WebSocket. */
export class RealtimeTap {
  #usage: Usage = {};
  /** The input tokens of the latest response. They include the whole earlier conversation. */
  #lastInput = 0;
  #model: string | undefined;
  #stopReason: string | undefined;
  /** The unfinished responses, by their ids. The empty id is that of responses without an id. */
  readonly #open = new Map<string, PartialResponse>();
  /** The text and audio of responses that ended without reporting their usage. */
  readonly #unreported: PartialResponse = { text: 0, audio: 0, heard: 0 };
  #unreportedCount = 0;
  /** The type of the current message. */
  #type: string | undefined;
  #responseId: string | undefined;
  #status: string | undefined;
  readonly #contradictions = new Set<string>();
  readonly #reported = new ReportedUsage();
  /** The usage of the current turn of Gemini. Only some of its messages report it. */
  readonly #turn = new ReportedUsage();
  #hasTurnEnded = false;
  #hasTurnUsage = false;
  /** Whether the current message belongs to no response. */
  #isOtherMessage = false;
  readonly #transcribed = new ReportedUsage();
  /** The transcription model that the current message names. */
  #namedTranscriber: string | undefined;
  #itemId = "";
  readonly #sound = new ClientSound();
  readonly #transcriptions = new Transcriptions(this.#sound);
  /**
   * All types in the client's current message. If a message has several types, servers differ on which of
   * them counts.
   */
  readonly #sentTypes = new Set<string>();
  #sentTokens = 0;
  /** Whether the client has requested a response that has not begun. */
  #isResponseDue = false;
  readonly #upstream = new MessageScanner(FROM_UPSTREAM, {
    onValue: (path, value) => this.#found(path, value),
    onEnd: (bytes, textTokens) => this.#endMessage(bytes, textTokens),
  });
  readonly #client = new MessageScanner(FROM_CLIENT, {
    onValue: (path, value) => {
      if (path === "setup.model") {
        if (typeof value === "string") this.#model ??= value.replace(/^models\//, "").slice(0, MAX_TEXT);
      } else if (typeof value === "string" && this.#sentTypes.size < MAX_TYPES) {
        this.#sentTypes.add(value.slice(0, MAX_TEXT));
      }
    },
    onEnd: (bytes) => this.#endSent(bytes),
  });

  /** Reads the next bytes of the upstream. Does not keep a reference to them. */
  write(piece: Uint8Array): void {
    this.#upstream.write(piece);
  }

  /** Reads the next bytes of the client. Does not keep a reference to them. */
  sent(piece: Uint8Array): void {
    this.#client.write(piece);
  }

  /** Whether all requested responses have ended. */
  get isOver(): boolean {
    const begun = this.#open.size - (this.#open.has(UNKNOWN) ? 1 : 0);
    return this.#stopReason !== undefined && begun === 0 && !this.#isResponseDue;
  }

  /** Returns the summary of the session, after it has ended. */
  end(): ResponseSummary {
    if (this.#upstream.pendingBytes > 0) {
      this.#countPart(this.#upstream.pendingBytes, this.#upstream.pendingTokens);
    }
    this.#endTurn();
    const begun = [...this.#open].filter(([id]) => id !== UNKNOWN).map(([, one]) => one);
    const unknown = this.#open.get(UNKNOWN);
    const steps = this.#transcriptions.end();
    if (this.#unreportedCount > 0) begun.push(this.#unreported);
    if (begun.length === 0 && this.#isResponseDue) {
      begun.push({ text: 0, audio: 0, heard: this.#sound.sinceResponse });
    }
    return {
      usage: this.#usage,
      unfinished: begun.map((one) => this.#estimatedUsage(one)),
      ...(unknown !== undefined && { uncertain: this.#estimatedUsage(unknown) }),
      ...(steps.length > 0 && { steps }),
      ...(this.#contradictions.size > 0 && { contradictions: [...this.#contradictions] }),
      ...(this.#model !== undefined && { model: this.#model }),
      ...(this.#stopReason !== undefined && { stopReason: this.#stopReason }),
    };
  }

  #estimatedUsage({ text, audio, heard }: PartialResponse): Usage {
    const audioTokens = Math.ceil(audio / AUDIO_OUT_BYTES_PER_TOKEN);
    const heardTokens = Math.ceil(this.#sound.tokens(heard));
    const sentTokens = Math.ceil(this.#sentTokens + this.#sound.inputTokens);
    return {
      inputTokens: Math.max(this.#lastInput, sentTokens, heardTokens),
      // Sound is more expensive than text. Earlier sound is cached.
      ...(heardTokens > 0 && { inputAudioTokens: heardTokens }),
      outputTokens: Math.ceil(text) + audioTokens,
      ...(audioTokens > 0 && { outputAudioTokens: audioTokens }),
    };
  }

  #found(path: string, value: unknown): void {
    if (path === "response.usage") this.#reported.add(value);
    else if (path === "usage") this.#transcribed.add(value);
    else if (path === "usageMetadata") {
      this.#turn.add(value);
      this.#hasTurnUsage = true;
    } else if (path === "session.audio.input.format.rate" || path === "session.input_audio_sampling_rate") {
      if (typeof value === "number") this.#sound.rate(value);
    } else if (path === "serverContent.turnComplete") this.#hasTurnEnded = value === true;
    else if (path === "setupComplete" || path === "sessionResumptionUpdate" || path === "goAway") {
      this.#isOtherMessage = true;
    } else if (typeof value !== "string" || value.length > MAX_TEXT) return;
    else if (path === "type") this.#type = value;
    else if (path === "response_id" || path === "response.id") this.#responseId = value;
    else if (path === "item_id") this.#itemId = value;
    else if (path === "response.status") this.#status = value;
    else if (path === "session.audio.input.format.type" || path === "session.input_audio_format") {
      this.#sound.format(value);
    } else if (path.endsWith("transcription.model")) this.#namedTranscriber = value;
    else if (path === "session.model" || path === "response.model") this.#model = value;
  }

  #endMessage(bytes: number, textTokens: number): void {
    if (this.#type !== undefined && LAST_EVENTS.includes(this.#type)) {
      const usage = this.#usageOf(this.#reported);
      this.#usage = sumOf(this.#usage, usage);
      this.#lastInput = usage.inputTokens ?? this.#lastInput;
      this.#stopReason = this.#status ?? this.#stopReason;
      this.#isResponseDue = false;
      if (usage.inputTokens === undefined && usage.outputTokens === undefined) this.#keepUnreported();
      if (this.#responseId === undefined) this.#open.clear();
      else this.#open.delete(this.#responseId);
      this.#open.delete("");
      this.#open.delete(UNKNOWN);
    } else if (this.#hasTurnEnded) {
      this.#endTurn();
      this.#stopReason = "turn_complete";
      this.#isResponseDue = false;
      this.#open.clear();
    } else if (this.#hasTurnUsage && Object.keys(this.#turn.usage()).length > 0) {
      // The usage includes this message and the earlier ones of the turn.
      this.#open.delete(UNKNOWN);
    } else if (!this.#isOtherMessage) this.#countPart(bytes, textTokens);
    this.#endTranscribed(bytes, textTokens);
    this.#hasTurnEnded = false;
    this.#hasTurnUsage = false;
    this.#isOtherMessage = false;
    this.#type = undefined;
    this.#responseId = undefined;
    this.#status = undefined;
    this.#reported.clear();
  }

  /** Adds what arrived of a response that ended without its usage to `#unreported`. */
  #keepUnreported(): void {
    const ended = this.#responseId === undefined ? [...this.#open.values()] : [
      this.#open.get(this.#responseId),
      this.#open.get(""),
      this.#open.get(UNKNOWN),
    ].filter((one) => one !== undefined);
    for (const { text, audio, heard } of ended) {
      this.#unreported.heard += heard;
      this.#unreported.text += text;
      this.#unreported.audio += audio;
    }
    if (ended.length > 0) this.#unreportedCount++;
  }

  /** Ends a turn of Gemini. Its usage includes the whole earlier conversation. */
  #endTurn(): void {
    const usage = this.#usageOf(this.#turn);
    this.#turn.clear();
    this.#usage = sumOf(this.#usage, usage);
    this.#lastInput = usage.inputTokens ?? this.#lastInput;
  }

  /** Handles what the current message says of the sound of the client and its transcription. */
  #endTranscribed(bytes: number, textTokens: number): void {
    const type = this.#type ?? "";
    const isConfiguration = CONFIGURATIONS.test(type);
    this.#sound.endMessage(isConfiguration);
    // A configuration without a model turns transcription off.
    if (isConfiguration) this.#transcriptions.use(this.#namedTranscriber ?? "");
    else if (this.#namedTranscriber !== undefined) this.#transcriptions.use(this.#namedTranscriber);
    if (type === COMMITTED) this.#transcriptions.commit(this.#itemId);
    else if (type === CLEARED) this.#sound.cleared();
    else if (type.startsWith(TRANSCRIPTION)) {
      const usage = this.#usageOf(this.#transcribed);
      const what = type.slice(TRANSCRIPTION.length);
      this.#transcriptions.add({ what, itemId: this.#itemId, bytes, textTokens, usage });
    }
    this.#transcribed.clear();
    this.#namedTranscriber = undefined;
    this.#itemId = "";
  }

  #usageOf(reported: ReportedUsage): Usage {
    for (const contradiction of reported.contradictions()) this.#contradictions.add(contradiction);
    return reported.usage();
  }

  /** Counts a message that may be part of an open response. */
  #countPart(bytes: number, textTokens: number): void {
    const type = this.#type ?? "";
    if (OTHER_EVENTS.test(type)) return;
    const isKnown = type.startsWith("response.");
    if (isKnown) this.#isResponseDue = false;
    const id = isKnown ? this.#responseId ?? "" : UNKNOWN;
    const begun = this.#open.get(id) ?? this.#begin(id);
    if (AUDIO_DELTA.test(type)) begun.audio += bytes;
    else if (!isKnown) begun.text += bytes / BYTES_PER_TOKEN;
    // Each event has one token or more.
    else if (type.endsWith(".delta")) begun.text += Math.max(1, textTokens);
  }

  #begin(id: string): PartialResponse {
    const key = this.#open.size < MAX_RESPONSES || id === UNKNOWN ? id : "";
    const begun = this.#open.get(key) ?? { text: 0, audio: 0, heard: 0 };
    if (id !== UNKNOWN) {
      begun.heard += this.#sound.takeResponse();
    }
    this.#open.set(key, begun);
    return begun;
  }

  #endSent(bytes: number): void {
    const isAudio = this.#sentTypes.size === 1 && this.#sentTypes.has("input_audio_buffer.append");
    if (this.#sentTypes.has("response.create") || this.#sentTypes.size === MAX_TYPES) {
      this.#isResponseDue = true;
    }
    if (isAudio) this.#sound.addInput(bytes);
    else this.#sentTokens += bytes / BYTES_PER_TOKEN;
    // Servers differ on which of several types counts.
    if (this.#sentTypes.has("input_audio_buffer.append") || this.#sentTypes.size === MAX_TYPES) {
      this.#sound.add(bytes);
    }
    if (this.#sentTypes.has("input_audio_buffer.clear")) this.#sound.clear();
    this.#sentTypes.clear();
  }
}
