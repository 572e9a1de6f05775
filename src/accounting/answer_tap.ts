/** Reads an answer's usage, model and stop reason while it passes. It never delays, changes or fails it. */

import { AmazonEventScanner } from "./amazon_event_scanner.ts";
import { Decompressor } from "../payload/decompressor.ts";
import { EventStreamScanner } from "../payload/event_stream_scanner.ts";
import { JsonScanner } from "../payload/json_scanner.ts";
import type { ObjectRequest } from "./object_paths.ts";
import { BATCH_WANTED, OBJECT_WANTED, ObjectReader, type SeenObject } from "./object_reader.ts";
import { ToldUsage, type UsageStep } from "./told_usage.ts";
import { TextMeter } from "../payload/text_meter.ts";
import { TEXT_WANTED } from "./text_wanted.ts";
import { TOOLS_WANTED, ToolsUsed } from "./tools_used.ts";
import { sumOf, type Usage } from "./usage.ts";
import { mergedWanted, type Wanted, wantedPlaces } from "../payload/wanted_places.ts";

/** What an answer said about itself; what it did not say is absent. */
export interface Observed {
  readonly usage: Usage;
  /** What other models used for the same answer; not in {@link usage}. */
  readonly steps?: readonly UsageStep[];
  /** How much text it held, in bytes of JSON; absent where nobody looks for it. */
  readonly textBytes?: number;
  /** In how many pieces it came: each has a token at least. */
  readonly texts?: number;
  /** An estimate of its tokens. */
  readonly textTokens?: number;
  /** The part of that which came behind the last usage that was told. */
  readonly untoldTextTokens?: number;
  /** It was sent while it was written. */
  readonly isStream?: boolean;
  readonly model?: string;
  readonly stopReason?: string;
  /** The tier by which it was made: `priority`, `default`, `fast`. */
  readonly tier?: string;
  /** Of a session: what the answers may have used that were cut; absent where there is but one answer. */
  readonly unfinished?: readonly Usage[];
  /** Of a session: what may have been used by messages that nobody knows; limits alone count it. */
  readonly doubtful?: Usage;
  /** Where the numbers that the answer states contradict each other, in words for people. */
  readonly contradictions?: readonly string[];
  /** At the path of an object that can be looked at again: what it says of that. */
  readonly object?: SeenObject;
}

/** All shapes at once: an endpoint may answer in more than one, whatever it is called. */
const WANTED_OF_ALL = {
  model: true,
  usage: true,
  stop_reason: true,
  // Bedrock's: of Converse, of each model's last event, and of models of Amazon, Meta and Mistral.
  stopReason: true,
  "amazon-bedrock-invocationMetrics": true,
  metadata: { usage: true },
  messageStop: { stopReason: true },
  contentBlockDelta: { delta: TEXT_WANTED.delta },
  outputText: "length",
  completionReason: true,
  generation: "length",
  outputs: { "*": { text: "length", stop_reason: true } },
  status: true,
  service_tier: true,
  incomplete_details: { reason: true },
  // Moonshot's streams have the usage in a choice.
  choices: { "*": { usage: true, finish_reason: true, ...TEXT_WANTED.choice } },
  content: TEXT_WANTED.content,
  // Anthropic's events.
  message: { model: true, usage: true, stop_reason: true, ...TEXT_WANTED.message },
  // Cohere's events say their usage there.
  delta: { stop_reason: true, finish_reason: true, usage: true, ...TEXT_WANTED.delta },
  // Events of OpenAI's responses.
  response: {
    // Ollama's text.
    "": "length",
    model: true,
    usage: true,
    status: true,
    service_tier: true,
    incomplete_details: { reason: true },
    output: TOOLS_WANTED.output,
    // Cohere's older API.
    meta: true,
    finish_reason: true,
  },
  output: { "*": { ...TOOLS_WANTED.output["*"], ...TEXT_WANTED.output }, message: TEXT_WANTED.message },
  meta: true,
  // What wrote a picture of OpenAI's that is a drawing.
  svg_usage: true,
  output_format: true,
  // Gemini's interactions.
  interaction: { model: true, usage: true, status: true },
  // Lines of the results of Anthropic's batches.
  result: { message: { model: true, usage: true } },
  // Vertex AI's embeddings.
  predictions: { "*": { embeddings: { statistics: { token_count: true } } } },
  // Groq's streams.
  x_groq: { usage: true },
  // Gemini.
  usageMetadata: true,
  modelVersion: true,
  candidates: {
    "*": { finishReason: true, groundingMetadata: TOOLS_WANTED.groundingMetadata, ...TEXT_WANTED.candidate },
  },
  // Ollama's own API, and llama.cpp's.
  prompt_eval_count: true,
  eval_count: true,
  done_reason: true,
  tokens_evaluated: true,
  tokens_predicted: true,
  usage_info: TOOLS_WANTED.usage_info,
} as const satisfies Wanted;
const WANTED = wantedPlaces(WANTED_OF_ALL);
const WANTED_WITH_OBJECT = wantedPlaces(mergedWanted(WANTED_OF_ALL, OBJECT_WANTED));
const WANTED_WITH_BATCH = wantedPlaces(mergedWanted(WANTED_OF_ALL, BATCH_WANTED));
/** What such a response says of its status while it has not ended. */
const UNFINISHED: ReadonlySet<string> = new Set(["in_progress", "queued"]);
/** A model's name or a stop reason is shorter. */
const MAX_TEXT = 200;

/** What an answer is to, and whose it is. */
export interface AnswerSource {
  /** At the paths of objects that can be looked at again. */
  readonly object?: ObjectRequest | undefined;
  /** The name of the backend; broken compression is counted by it. */
  readonly upstream?: string;
}

/** Watches one answer. */
export class AnswerTap {
  readonly #told = new ToldUsage();
  /** The sum of parts that each tell their own. */
  #lines: Usage = {};
  /** Of these parts. */
  readonly #contradictions = new Set<string>();
  #isPicture = false;
  readonly #text = new TextMeter();
  /** The estimate of the text that had come before the last usage. */
  #toldAtTokens = 0;
  readonly #isStream: boolean;
  readonly #tools = new ToolsUsed();
  #model: string | undefined;
  #stopReason: string | undefined;
  #tier: string | undefined;
  /** What a status says is said better by a stop reason. */
  #status: string | undefined;
  readonly #sink: { write(bytes: Uint8Array): void };
  readonly #decompressor: Decompressor | undefined;
  /** At the paths of objects that can be looked at again. */
  readonly object: ObjectReader | undefined;

  /** Undefined where the answer's type holds nothing to be read. */
  static of(
    type: string | undefined,
    encoding: string | undefined,
    { object: request, upstream = "unnamed" }: AnswerSource = {},
  ): AnswerTap | undefined {
    const mediaType = (type ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
    const isEventStream = mediaType === "text/event-stream";
    const isAmazons = mediaType === "application/vnd.amazon.eventstream";
    const isJson = /^application\/(?:[\w.+-]+\+)?json$|ndjson$|jsonl$|json-seq$/.test(mediaType);
    // OpenAI and Google give files, and so the results of batches, no type.
    const isFile = (request?.act === "results" || request?.act === "file") &&
      !/^(?:image|audio|video)\//.test(mediaType);
    if (!isEventStream && !isAmazons && !isJson && !isFile) return undefined;
    const coding = (encoding ?? "identity").trim().toLowerCase();
    if (coding !== "identity" && !Decompressor.knows(coding, upstream)) return undefined;
    const isStream = isEventStream || isAmazons || /ndjson$|jsonl$|json-seq$/.test(mediaType);
    const framing = isEventStream ? "events" : isAmazons ? "amazon" : "none";
    return new AnswerTap({ framing, isStream, coding, request, upstream });
  }

  private constructor(
    { framing, isStream, coding, request, upstream }: {
      framing: "events" | "amazon" | "none";
      isStream: boolean;
      coding: string;
      request: ObjectRequest | undefined;
      upstream: string;
    },
  ) {
    this.#isStream = isStream;
    const object = request && new ObjectReader(request.kind);
    this.object = object;
    const texts = this.#text;
    const json = object === undefined
      ? new JsonScanner(WANTED, (path, value) => this.#found(path, value), { texts })
      : new JsonScanner(request?.kind === "batch" ? WANTED_WITH_BATCH : WANTED_WITH_OBJECT, (path, value) => {
        if (!object.found(path, value)) this.#found(path, value);
      }, { texts, ended: () => object.textEnded() });
    const scanner = framing === "events"
      ? new EventStreamScanner(json)
      : framing === "amazon"
      ? new AmazonEventScanner(json)
      : json;
    this.#decompressor = coding === "identity"
      ? undefined
      : new Decompressor({ coding, upstream }, (bytes) => scanner.write(bytes));
    this.#sink = this.#decompressor ?? scanner;
  }

  /** The next piece, which is not kept. */
  write(piece: Uint8Array): void {
    this.#sink.write(piece);
  }

  /** Whether a stream said why it stopped, or a response that it is done. */
  get isOver(): boolean {
    return this.#isStream && this.#stop() !== undefined;
  }

  get isStream(): boolean {
    return this.#isStream;
  }

  /** How much text has come so far, of any kind that a model writes. */
  get textBytes(): number {
    return this.#text.bytes;
  }

  /** What there is to say once the answer has ended, however it ended; a promise only where it was compressed. */
  end(): Observed | Promise<Observed> {
    return this.#decompressor === undefined
      ? this.#observed()
      : this.#decompressor.end().then(() => this.#observed());
  }

  #observed(): Observed {
    const stopReason = this.#stop();
    const steps = this.#told.steps();
    const contradictions = [...this.#contradictions, ...this.#told.contradictions()];
    return {
      usage: this.#tools.with(this.#usage(), this.#model),
      textBytes: this.#text.bytes,
      texts: this.#text.texts,
      textTokens: this.#text.tokens,
      untoldTextTokens: this.#text.tokens - this.#toldAtTokens,
      ...(this.#isStream && { isStream: true }),
      ...(steps.length > 0 && { steps }),
      ...(contradictions.length > 0 && { contradictions }),
      ...(this.#model !== undefined && { model: this.#model }),
      ...(stopReason !== undefined && { stopReason }),
      ...(this.#tier !== undefined && { tier: this.#tier }),
      ...(this.object !== undefined && { object: this.object.seen }),
    };
  }

  #stop(): string | undefined {
    const isUnfinished = this.#status !== undefined && UNFINISHED.has(this.#status);
    return this.#stopReason ?? (isUnfinished ? undefined : this.#status);
  }

  #usage(): Usage {
    const told = sumOf(this.#lines, this.#told.usage());
    // Where an answer is pictures, its output is (`ImageGenCompletedEvent.Usage` of `openai`).
    const isDetailed = told.outputTokens === undefined || told.outputImageTokens !== undefined;
    return this.#isPicture && !isDetailed ? { ...told, outputImageTokens: told.outputTokens } : told;
  }

  #addLine(usage: unknown): void {
    const line = new ToldUsage();
    line.add(usage);
    this.#lines = sumOf(this.#lines, line.usage());
    for (const contradiction of line.contradictions()) this.#contradictions.add(contradiction);
  }

  #found(path: string, value: unknown): void {
    switch (path) {
      case "usage":
      case "message.usage":
      case "response.usage":
      case "delta.usage":
      case "x_groq.usage":
      case "choices.*.usage":
      case "interaction.usage":
      case "meta":
      case "response.meta":
      case "usageMetadata":
      case "metadata.usage":
      case "amazon-bedrock-invocationMetrics":
        this.#told.add(value);
        this.#toldAtTokens = this.#text.tokens;
        if (isFast(value)) this.#tier = "fast";
        return;
      case "svg_usage":
        this.#told.addStep(value);
        return;
      case "result.message.usage":
        this.#tier = "batch";
        this.#addLine(value);
        return;
      case "predictions.*.embeddings.statistics.token_count":
        this.#addLine({ total_tokens: value });
        return;
      case "output_format":
        this.#isPicture = true;
        return;
      case "prompt_eval_count":
      case "eval_count":
      case "tokens_evaluated":
      case "tokens_predicted":
        this.#told.add({ [path]: value });
        return;
    }
    if (this.#tools.found(path, value)) return;
    if (typeof value !== "string" || value === "" || value.length > MAX_TEXT) return;
    switch (path) {
      case "model":
      case "message.model":
      case "interaction.model":
      case "result.message.model":
      case "response.model":
      case "modelVersion":
        this.#model ??= value;
        return;
      case "service_tier":
      case "response.service_tier":
        this.#tier = value;
        return;
      case "status":
      case "response.status":
      case "interaction.status":
        this.#status = value;
        return;
      default:
        this.#stopReason = value;
    }
  }
}

/** Whether Anthropic's usage tells of its fast mode. */
function isFast(usage: unknown): boolean {
  return typeof usage === "object" && usage !== null && "speed" in usage && usage.speed === "fast";
}
