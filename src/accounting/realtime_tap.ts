/**
 * Reads the usage of OpenAI's realtime sessions, of its responses over a WebSocket, and of Gemini's live sessions, while
 * they pass; each answer within tells its own, and of those that were cut it is estimated.
 */

import type { ResponseSummary } from "./response_tap.ts";
import { MessageScanner } from "../payload/message_scanner.ts";
import { ReportedUsage } from "./reported_usage.ts";
import { sumOf, type Usage } from "./usage.ts";
import { compileSelection } from "../payload/json_selection.ts";

/** https://platform.openai.com/docs/api-reference/realtime-server-events */
const FROM_UPSTREAM = compileSelection({
  type: true,
  response_id: true,
  delta: "length",
  session: {
    model: true,
    input_audio_transcription: { model: true },
    audio: { input: { transcription: { model: true } } },
  },
  // Of a transcription of what the client said, which another model makes.
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
const TRANSCRIBED = "conversation.item.input_audio_transcription.completed";
/** What ends an answer: in realtime sessions, and in responses. */
const LAST_EVENTS = ["response.done", "response.completed", "response.incomplete", "response.failed"];
/** Events that are no part of an answer. */
const OTHER_EVENTS =
  /^(?:session|transcription_session|conversation|input_audio_buffer|output_audio_buffer|rate_limits|error)(?:\.|$)/;
const AUDIO_DELTA = /^response\.(?:output_)?audio\.delta$/;
const MAX_TEXT = 200;
/** A session changes its model for that seldom. */
const MAX_TRANSCRIBERS = 10;
/** A message has one type. */
const MAX_TYPES = 4;
/** So many answers are reported apart; nobody has more at the same time. */
const MAX_ANSWERS = 64;
/** Stands for the id of what may be an answer, and may be something else. */
const UNKNOWN = "?";

/** Of messages whose text nobody knows. */
const BYTES_PER_TOKEN = 4;
/** 20 tokens a second of output and 10 of input, in Base64: of G.711, the shortest coding. */
const AUDIO_OUT_BYTES_PER_TOKEN = 500;
const AUDIO_IN_BYTES_PER_TOKEN = 1_000;

/** What came of an answer that has not ended. */
interface PartialResponse {
  /** In tokens. */
  text: number;
  /** In bytes. */
  audio: number;
}

/** Watches what both sides say on one WebSocket. */
export class RealtimeTap {
  #usage: Usage = {};
  /** The input of the last answer, with all that was said before it. */
  #lastInput = 0;
  #model: string | undefined;
  #stopReason: string | undefined;
  /** Answers that have not ended, by their ids; an empty one stands for those that tell none. */
  readonly #begun = new Map<string, PartialResponse>();
  /** Of answers that have ended without saying what they used. */
  readonly #unreported: PartialResponse = { text: 0, audio: 0 };
  #unreportedCount = 0;
  /** Of the message that is passing. */
  #type: string | undefined;
  #responseId: string | undefined;
  #status: string | undefined;
  readonly #contradictions = new Set<string>();
  readonly #reported = new ReportedUsage();
  /** Of a turn of Gemini's, which says it with some of its messages. */
  readonly #turn = new ReportedUsage();
  #hasTurnEnded = false;
  #isNoAnswer = false;
  readonly #transcribed = new ReportedUsage();
  #transcriber = "";
  /** By its model. */
  readonly #steps = new Map<string, Usage>();
  /** Of the client's message: all types that it names, of which readers take one or another. */
  readonly #sentTypes = new Set<string>();
  #sentTokens = 0;
  /** The client has asked for an answer that has not begun. */
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

  /** The next bytes of the upstream, which are not kept. */
  write(piece: Uint8Array): void {
    this.#upstream.write(piece);
  }

  /** The next bytes of the client, which are not kept. */
  sent(piece: Uint8Array): void {
    this.#client.write(piece);
  }

  /** Whether all that was asked for has been answered. */
  get isOver(): boolean {
    const begun = this.#begun.size - (this.#begun.has(UNKNOWN) ? 1 : 0);
    return this.#stopReason !== undefined && begun === 0 && !this.#isResponseDue;
  }

  /** What there is to say once the session has ended. */
  end(): ResponseSummary {
    if (this.#upstream.pendingBytes > 0) {
      this.#countPart(this.#upstream.pendingBytes, this.#upstream.pendingTokens);
    }
    this.#endTurn();
    const begun = [...this.#begun].filter(([id]) => id !== UNKNOWN).map(([, one]) => one);
    const unknown = this.#begun.get(UNKNOWN);
    const steps = [...this.#steps].map(([model, usage]) => ({ model, usage }));
    if (this.#unreportedCount > 0) begun.push(this.#unreported);
    if (begun.length === 0 && this.#isResponseDue) begun.push({ text: 0, audio: 0 });
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

  #estimatedUsage({ text, audio }: PartialResponse): Usage {
    const audioTokens = Math.ceil(audio / AUDIO_OUT_BYTES_PER_TOKEN);
    return {
      inputTokens: Math.max(this.#lastInput, Math.ceil(this.#sentTokens)),
      outputTokens: Math.ceil(text) + audioTokens,
      ...(audioTokens > 0 && { outputAudioTokens: audioTokens }),
    };
  }

  #found(path: string, value: unknown): void {
    if (path === "response.usage") this.#reported.add(value);
    else if (path === "usage") this.#transcribed.add(value);
    else if (path === "usageMetadata") this.#turn.add(value);
    else if (path === "serverContent.turnComplete") this.#hasTurnEnded = value === true;
    else if (path === "setupComplete" || path === "sessionResumptionUpdate" || path === "goAway") {
      this.#isNoAnswer = true;
    } else if (typeof value !== "string" || value.length > MAX_TEXT) return;
    else if (path === "type") this.#type = value;
    else if (path === "response_id" || path === "response.id") this.#responseId = value;
    else if (path === "response.status") this.#status = value;
    else if (path.endsWith("transcription.model")) this.#transcriber = value;
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
      if (this.#responseId === undefined) this.#begun.clear();
      else this.#begun.delete(this.#responseId);
      this.#begun.delete("");
      this.#begun.delete(UNKNOWN);
    } else if (this.#hasTurnEnded) {
      this.#endTurn();
      this.#stopReason = "turn_complete";
      this.#isResponseDue = false;
      this.#begun.clear();
    } else if (!this.#isNoAnswer) this.#countPart(bytes, textTokens);
    if (this.#type === TRANSCRIBED) this.#addTranscription();
    this.#transcribed.clear();
    this.#hasTurnEnded = false;
    this.#isNoAnswer = false;
    this.#type = undefined;
    this.#responseId = undefined;
    this.#status = undefined;
    this.#reported.clear();
  }

  /** An answer that ended without its usage has used what came of it. */
  #keepUnreported(): void {
    const ended = this.#responseId === undefined ? [...this.#begun.values()] : [
      this.#begun.get(this.#responseId),
      this.#begun.get(""),
      this.#begun.get(UNKNOWN),
    ].filter((one) => one !== undefined);
    for (const { text, audio } of ended) {
      this.#unreported.text += text;
      this.#unreported.audio += audio;
    }
    if (ended.length > 0) this.#unreportedCount++;
  }

  /** Each turn bills all that was said before it, as its usage says. */
  #endTurn(): void {
    const usage = this.#usageOf(this.#turn);
    this.#turn.clear();
    this.#usage = sumOf(this.#usage, usage);
    this.#lastInput = usage.inputTokens ?? this.#lastInput;
  }

  #addTranscription(): void {
    if (this.#steps.size >= MAX_TRANSCRIBERS && !this.#steps.has(this.#transcriber)) return;
    const before = this.#steps.get(this.#transcriber) ?? {};
    this.#steps.set(this.#transcriber, sumOf(before, this.#usageOf(this.#transcribed)));
  }

  #usageOf(reported: ReportedUsage): Usage {
    for (const contradiction of reported.contradictions()) this.#contradictions.add(contradiction);
    return reported.usage();
  }

  /** A message that may belong to an answer that goes on. */
  #countPart(bytes: number, textTokens: number): void {
    const type = this.#type ?? "";
    if (OTHER_EVENTS.test(type)) return;
    const isKnown = type.startsWith("response.");
    if (isKnown) this.#isResponseDue = false;
    const id = isKnown ? this.#responseId ?? "" : UNKNOWN;
    const begun = this.#begun.get(id) ?? this.#begin(id);
    if (AUDIO_DELTA.test(type)) begun.audio += bytes;
    else if (!isKnown) begun.text += bytes / BYTES_PER_TOKEN;
    // An event has a token at least.
    else if (type.endsWith(".delta")) begun.text += Math.max(1, textTokens);
  }

  #begin(id: string): PartialResponse {
    const key = this.#begun.size < MAX_ANSWERS || id === UNKNOWN ? id : "";
    const begun = this.#begun.get(key) ?? { text: 0, audio: 0 };
    this.#begun.set(key, begun);
    return begun;
  }

  #endSent(bytes: number): void {
    const isAudio = this.#sentTypes.size === 1 && this.#sentTypes.has("input_audio_buffer.append");
    if (this.#sentTypes.has("response.create") || this.#sentTypes.size === MAX_TYPES) {
      this.#isResponseDue = true;
    }
    this.#sentTokens += bytes / (isAudio ? AUDIO_IN_BYTES_PER_TOKEN : BYTES_PER_TOKEN);
    this.#sentTypes.clear();
  }
}
