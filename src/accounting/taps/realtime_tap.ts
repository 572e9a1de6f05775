/**
 * Reads the usage of WebSockets while they pass: OpenAI's realtime sessions and responses, and Gemini's live
 * sessions. Each response of a session reports its usage. The usage of a response that was cut off is
 * estimated.
 */

import type { ResponseSummary, UnfinishedUsage } from "./response_summary.ts";
import { MessageScanner } from "../../payload/message_scanner.ts";
import { ReportedUsage } from "../usage/reported_usage.ts";
import { sumOf, type Usage, type UsageDraft } from "../usage/usage.ts";
import { compileSelection } from "../../payload/json_selection.ts";
import { ClientMedia } from "./client_media.ts";
import { ClientSound } from "./client_sound.ts";
import { MAX_RESPONSES, OpenResponses, type PartialResponse, UNKNOWN, UNNAMED } from "./open_responses.ts";
import { SoundFormat } from "./sound_format.ts";
import { Transcriptions } from "./transcriptions.ts";

/** Where a session or a response states the format of the sound that it generates. */
const OUTPUT_FORMAT = {
  output_audio_format: true,
  audio: { output: { format: { type: true, rate: true } } },
} as const;
/**
 * The values to select from the messages of the upstream
 * (https://platform.openai.com/docs/api-reference/realtime-server-events).
 */
const FROM_UPSTREAM = compileSelection({
  type: true,
  response_id: true,
  item_id: true,
  delta: "length",
  // The result of a call of an MCP server, and its tools.
  item: { type: true, output: "length", tools: "length" },
  // The beginning and the end of speech, in the sound that the client has sent.
  audio_start_ms: true,
  audio_end_ms: true,
  session: {
    model: true,
    output_audio_format: true,
    input_audio_transcription: { model: true },
    input_audio_format: true,
    input_audio_sampling_rate: true,
    audio: {
      input: { transcription: { model: true }, format: { type: true, rate: true } },
      ...OUTPUT_FORMAT.audio,
    },
  },
  error: { code: true },
  // The usage of a transcription: another model transcribes the audio of the client.
  usage: true,
  // https://ai.google.dev/api/live#BidiGenerateContentServerMessage
  usageMetadata: true,
  serverContent: { turnComplete: true },
  setupComplete: true,
  sessionResumptionUpdate: true,
  goAway: true,
  response: { id: true, usage: true, status: true, model: true, ...OUTPUT_FORMAT },
});
/** The sound and the images of an item of the conversation. */
const MEDIA_OF_ITEM = { content: { "*": { audio: "media", image_url: "media" } } } as const;
/** The sound and the images that a client of Gemini sends while it speaks. */
const BLOB = { data: "media" } as const;
const LIVE_INPUT = { audio: BLOB, video: BLOB } as const;
const FROM_CLIENT = compileSelection({
  type: true,
  setup: { model: true },
  item: MEDIA_OF_ITEM,
  response: {
    output_audio_format: true,
    audio: { output: { format: { type: true } } },
    input: { "*": MEDIA_OF_ITEM },
  },
  // https://ai.google.dev/api/live#BidiGenerateContentRealtimeInput
  realtimeInput: { ...LIVE_INPUT, mediaChunks: { "*": BLOB } },
  realtime_input: { ...LIVE_INPUT, media_chunks: { "*": BLOB } },
  clientContent: { turns: { "*": { parts: { "*": { inlineData: BLOB } } } } },
});
/** The beginning of the types of all events about a transcription. */
const TRANSCRIPTION = "conversation.item.input_audio_transcription.";
/** The place of speech in the sound of the client, the end of speech, and the removal of sound. */
const SPEECH = /^input_audio_buffer\.(?:speech_started|speech_stopped|timeout_triggered)$/;
const COMMITTED = "input_audio_buffer.committed";
const CLEARED = "input_audio_buffer.cleared";
/** The code of an error about an end of speech without speech. */
const NO_SPEECH = "input_audio_buffer_commit_empty";
/** The events that end a response. */
const LAST_EVENTS = ["response.done", "response.completed", "response.incomplete", "response.failed"];
/** The events that are no part of a response. */
const OTHER_EVENTS =
  /^(?:session|transcription_session|conversation|input_audio_buffer|output_audio_buffer|mcp_list_tools|rate_limits|error|response\.mcp_call)(?:\.|$)/;
/**
 * The items that an MCP server adds to the conversation, and the events that state them. A call of an MCP
 * server can end after its response.
 */
const SERVER_ITEM = /^mcp_(?:call|list_tools)$/;
const ITEM_EVENTS = /^(?:conversation\.item\.(?:created|added|done)|response\.output_item\.done)$/;
/** The events that state the whole configuration of the session. */
const CONFIGURATIONS = /^(?:transcription_)?session\.(?:created|updated)$/;
const AUDIO_DELTA = /^response\.(?:output_)?audio\.delta$/;
/** The longest name or id that is read, in characters. */
const MAX_TEXT = 200;
/** The most types that are read of one message. A valid message has one type. */
const MAX_TYPES = 4;
/** The end of the paths of a format and of its rate. */
const FORMAT = /(?:_audio_format|\.format\.type)$/;
const RATE = /(?:_sampling_rate|\.format\.rate)$/;
/** How a response ends that may have no output. */
const WITHOUT_OUTPUT: ReadonlySet<string | undefined> = new Set(["failed", "cancelled"]);

/** The bytes of a token in messages whose text the proxy cannot read. */
const BYTES_PER_TOKEN = 4;
/** The tokens of a second of generated sound (https://platform.openai.com/docs/guides/realtime-costs). */
const OUTPUT_TOKENS_PER_SECOND = 20;

const NO_TIMES = { startMs: undefined, endMs: undefined };

/** Reads what both sides send on one WebSocket. */
export class RealtimeTap {
  #usage: Usage = {};
  /**
   * The most input tokens of a response. They include the whole earlier conversation. A response outside the
   * conversation has fewer.
   */
  #mostInput = 0;
  #model: string | undefined;
  /** The model that the client names. Only Gemini reads it. */
  #setupModel: string | undefined;
  #isGemini = false;
  #stopReason: string | undefined;
  /** The estimates for responses that ended without reporting their usage, or a part of it. */
  readonly #unreported: UnfinishedUsage[] = [];
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
  #errorCode: string | undefined;
  /** The times that the current message states. */
  #speechTimes: { readonly startMs: unknown; readonly endMs: unknown } = NO_TIMES;
  readonly #sound = new ClientSound();
  readonly #outputFormat = new SoundFormat();
  readonly #transcriptions = new Transcriptions(this.#sound);
  /**
   * All types in the client's current message. If a message has several types, servers differ on which of
   * them counts.
   */
  readonly #sentTypes = new Set<string>();
  #sentTokens = 0;
  /** The type of the item in the current message. */
  #itemType = "";
  /** The tokens that MCP servers have added, by the type of the event. Several events state the same item. */
  readonly #serverTokens = new Map<string, number>();
  readonly #upstream = new MessageScanner(FROM_UPSTREAM, {
    onValue: (path, value) => this.#found(path, value),
    onEnd: (bytes, textTokens) => this.#endMessage(bytes, textTokens),
  });
  /** The sound and the images in the client's messages, except the sound that is appended. */
  readonly #media = new ClientMedia();
  readonly #client = new MessageScanner(FROM_CLIENT, {
    onValue: (path, value) => {
      if (path === "setup.model") {
        if (typeof value === "string") {
          this.#setupModel ??= value.replace(/^models\//, "").slice(0, MAX_TEXT);
        }
      } else if (FORMAT.test(path)) this.#outputFormat.asked(value);
      else if (typeof value === "string" && this.#sentTypes.size < MAX_TYPES) {
        this.#sentTypes.add(value.slice(0, MAX_TEXT));
      }
    },
    onEnd: (bytes) => this.#endSent(bytes),
  }, { media: this.#media });
  readonly #open: OpenResponses;

  /** `now` is the time in milliseconds of a monotonic clock. Without it, invisible output does not count. */
  constructor({ now }: { readonly now?: () => number } = {}) {
    this.#open = new OpenResponses(this.#sound, now);
  }

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
    return this.#stopReason !== undefined && this.#open.isEmpty;
  }

  /** Returns the summary of the session, after it has ended. */
  end(): ResponseSummary {
    if (this.#upstream.pendingBytes > 0) {
      this.#countPart(this.#upstream.pendingBytes, this.#upstream.pendingTokens);
    }
    this.#endTurn();
    const steps = this.#transcriptions.end();
    const { responses, unknown } = this.#open.cutOff();
    const model = this.#answering;
    return {
      usage: this.#usage,
      unfinished: [...this.#unreported, ...responses.map((one) => this.#estimatedUsage(one))],
      ...(unknown !== undefined && { uncertain: this.#estimatedUsage(unknown) }),
      ...(steps.length > 0 && { steps }),
      ...(this.#contradictions.size > 0 && { contradictions: [...this.#contradictions] }),
      ...(model !== undefined && { model }),
      ...(this.#stopReason !== undefined && { stopReason: this.#stopReason }),
    };
  }

  /** The model that responds. `undefined` if no side has named it so far. */
  get #answering(): string | undefined {
    return this.#model ?? (this.#isGemini ? this.#setupModel : undefined);
  }

  #estimatedUsage(response: PartialResponse): UnfinishedUsage {
    const { text, audio, heard } = response;
    const unseenMs = this.#open.unseenMs(response);
    const audioTokens = Math.ceil(audio * OUTPUT_TOKENS_PER_SECOND / this.#outputFormat.bytesPerSecond);
    const heardTokens = Math.ceil(this.#sound.tokens(heard));
    const sentTokens = Math.ceil(
      this.#sentTokens + Math.max(0, ...this.#serverTokens.values()) + this.#sound.inputTokens +
        this.#media.imageTokens(this.#answering),
    );
    return {
      inputTokens: Math.max(this.#mostInput, sentTokens, heardTokens),
      // Sound is more expensive than text. Earlier sound is cached.
      ...(heardTokens > 0 && { inputAudioTokens: heardTokens }),
      outputTokens: Math.ceil(text) + audioTokens,
      ...(audioTokens > 0 && { outputAudioTokens: audioTokens }),
      ...(unseenMs > 0 && { unseenMs }),
    };
  }

  #found(path: string, value: unknown): void {
    if (path === "response.usage") this.#reported.add(value);
    else if (path === "usage") this.#transcribed.add(value);
    else if (path === "usageMetadata") {
      this.#turn.add(value);
      this.#hasTurnUsage = true;
      this.#isGemini = true;
    } else if (FORMAT.test(path) || RATE.test(path)) {
      const format = /input/.test(path) ? this.#sound.format : this.#outputFormat;
      if (RATE.test(path)) format.rate(value);
      else format.name(value);
    } else if (path === "audio_start_ms") this.#speechTimes = { ...this.#speechTimes, startMs: value };
    else if (path === "audio_end_ms") this.#speechTimes = { ...this.#speechTimes, endMs: value };
    else if (path === "serverContent.turnComplete") this.#hasTurnEnded = value === true;
    else if (path === "setupComplete" || path === "sessionResumptionUpdate" || path === "goAway") {
      this.#isOtherMessage = true;
      this.#isGemini = true;
    } else if (typeof value !== "string" || value.length > MAX_TEXT) return;
    else if (path === "type") this.#type = value;
    else if (path === "response_id" || path === "response.id") this.#responseId = value;
    else if (path === "item_id") this.#itemId = value;
    else if (path === "item.type") this.#itemType = value;
    else if (path === "error.code") this.#errorCode = value;
    else if (path === "response.status") this.#status = value;
    else if (path.endsWith("transcription.model")) this.#namedTranscriber = value;
    else if (path === "session.model" || path === "response.model") this.#model = value;
  }

  #endMessage(bytes: number, textTokens: number): void {
    if (this.#type !== undefined && LAST_EVENTS.includes(this.#type)) {
      const usage = this.#usageOf(this.#reported);
      this.#usage = sumOf(this.#usage, usage);
      this.#mostInput = Math.max(this.#mostInput, usage.inputTokens ?? 0);
      this.#stopReason = this.#status ?? this.#stopReason;
      const ended = this.#open.end(this.#responseId);
      if (usage.inputTokens === undefined || usage.outputTokens === undefined) {
        this.#keepUnreported(usage, ended, bytes);
      }
    } else if (this.#hasTurnEnded) {
      this.#endTurn();
      this.#stopReason = "turn_complete";
      this.#open.end(undefined);
    } else if (this.#hasTurnUsage && Object.keys(this.#turn.usage()).length > 0) {
      // The usage includes this message and the earlier ones of the turn.
      this.#open.forgetUnknown();
    } else if (!this.#isOtherMessage) this.#countPart(bytes, textTokens);
    this.#endTranscribed(bytes, textTokens);
    this.#endItem(textTokens);
    this.#hasTurnEnded = false;
    this.#hasTurnUsage = false;
    this.#isOtherMessage = false;
    this.#type = undefined;
    this.#responseId = undefined;
    this.#status = undefined;
    this.#reported.clear();
  }

  /** Estimates what the current message, which ends a response, does not report of its usage. */
  #keepUnreported({ inputTokens, outputTokens }: Usage, ended: PartialResponse[], bytes: number): void {
    // A server that does not stream sends the whole response at its end.
    if (ended.length === 0) {
      if (WITHOUT_OUTPUT.has(this.#status)) return;
      ended.push({ text: bytes / BYTES_PER_TOKEN, audio: 0, heard: this.#sound.takeResponse() });
    }
    const whole: PartialResponse = { text: 0, audio: 0, heard: 0 };
    let unseenMs = 0;
    for (const one of ended) {
      whole.text += one.text;
      whole.audio += one.audio;
      whole.heard += one.heard;
      unseenMs += this.#open.unseenMs(one);
    }
    const estimate: UsageDraft = this.#estimatedUsage(whole);
    if (inputTokens !== undefined) {
      delete estimate.inputTokens;
      delete estimate.inputAudioTokens;
    }
    if (outputTokens !== undefined) {
      delete estimate.outputTokens;
      delete estimate.outputAudioTokens;
      unseenMs = 0;
    }
    const last = this.#unreported.length < MAX_RESPONSES ? undefined : this.#unreported.pop();
    unseenMs += last?.unseenMs ?? 0;
    const usage = last === undefined ? estimate : sumOf(last, estimate);
    this.#unreported.push(unseenMs > 0 ? { ...usage, unseenMs } : usage);
  }

  /** Ends a turn of Gemini. Its usage includes the whole earlier conversation. */
  #endTurn(): void {
    const usage = this.#usageOf(this.#turn);
    this.#turn.clear();
    this.#usage = sumOf(this.#usage, usage);
    this.#mostInput = Math.max(this.#mostInput, usage.inputTokens ?? 0);
  }

  /** Handles what the current message says of the sound of the client and its transcription. */
  #endTranscribed(bytes: number, textTokens: number): void {
    const type = this.#type ?? "";
    const isConfiguration = CONFIGURATIONS.test(type);
    this.#sound.format.endMessage(isConfiguration);
    this.#outputFormat.endMessage(isConfiguration);
    // A configuration without a model turns transcription off.
    if (isConfiguration) this.#transcriptions.use(this.#namedTranscriber ?? "");
    else if (this.#namedTranscriber !== undefined) this.#transcriptions.use(this.#namedTranscriber);
    if (SPEECH.test(type)) this.#transcriptions.detected(this.#itemId, this.#speechTimes);
    else if (type === COMMITTED) this.#transcriptions.commit(this.#itemId);
    else if (type === CLEARED) this.#sound.cleared();
    else if (type === "error" && this.#errorCode === NO_SPEECH) this.#sound.rejectCommit();
    else if (type.startsWith(TRANSCRIPTION)) {
      const usage = this.#usageOf(this.#transcribed);
      const what = type.slice(TRANSCRIPTION.length);
      this.#transcriptions.add({ what, itemId: this.#itemId, bytes, textTokens, usage });
    }
    this.#transcribed.clear();
    this.#namedTranscriber = undefined;
    this.#itemId = "";
    this.#errorCode = undefined;
    this.#speechTimes = NO_TIMES;
  }

  /** Counts the text of an item that an MCP server adds. The text is input of later responses. */
  #endItem(textTokens: number): void {
    const type = this.#type ?? "";
    if (SERVER_ITEM.test(this.#itemType) && ITEM_EVENTS.test(type)) {
      this.#serverTokens.set(type, (this.#serverTokens.get(type) ?? 0) + textTokens);
    }
    this.#itemType = "";
  }

  #usageOf(reported: ReportedUsage): Usage {
    for (const contradiction of reported.contradictions()) this.#contradictions.add(contradiction);
    return reported.usage();
  }

  /** Counts a message that may be part of an open response. */
  #countPart(bytes: number, textTokens: number): void {
    const type = this.#type ?? "";
    if (OTHER_EVENTS.test(type) || SERVER_ITEM.test(this.#itemType)) return;
    const isKnown = type.startsWith("response.");
    const id = isKnown ? this.#responseId ?? UNNAMED : UNKNOWN;
    if (AUDIO_DELTA.test(type)) this.#open.add(id, { audio: bytes });
    else if (!isKnown) this.#open.add(id, { text: bytes / BYTES_PER_TOKEN });
    // Each event has one token or more.
    else this.#open.add(id, { text: type.endsWith(".delta") ? Math.max(1, textTokens) : 0 });
  }

  #endSent(bytes: number): void {
    const types = this.#sentTypes;
    const { soundBytes, imageBytes } = this.#media.take();
    const isAudio = types.size === 1 && types.has("input_audio_buffer.append");
    // Servers differ on which of several types counts.
    const may = (type: string): boolean => types.has(type) || types.size === MAX_TYPES;
    if (may("response.create")) this.#open.requested();
    if (isAudio) this.#sound.addInput(bytes);
    else this.#sentTokens += (bytes - soundBytes - imageBytes) / BYTES_PER_TOKEN;
    this.#sound.addItem(soundBytes);
    // A server may understand a message in which the proxy finds no type.
    if (may("input_audio_buffer.append") || types.size === 0) this.#sound.add(bytes);
    if (types.has("input_audio_buffer.clear")) this.#sound.clear();
    if (may("input_audio_buffer.commit")) this.#sound.commit();
    types.clear();
  }
}
