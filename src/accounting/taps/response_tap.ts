/**
 * Reads the usage, the model and the stop reason of a response. It reads each piece before the client gets
 * the piece, in steps of 32 KiB. The reading never waits, changes nothing, and never makes the response fail.
 */

import { AmazonEventScanner } from "./amazon_event_scanner.ts";
import type { Field } from "../../http/fields.ts";
import { canDecode, contentCodingOf, type DecodedCoding } from "../../payload/content_coding.ts";
import { Decompressor } from "../../payload/decompressor.ts";
import { EventStreamScanner } from "../../payload/event_stream_scanner.ts";
import { JsonScanner } from "../../payload/json_scanner.ts";
import { essenceOf, isEventStream } from "../../payload/media_type.ts";
import { MediaReader } from "../estimates/media_estimate.ts";
import type { ObjectRequest } from "../settlement/object_paths.ts";
import { BATCH_TIER } from "../prices/price_factor.ts";
import { tierInFields, tierOf } from "../../payload/service_tier.ts";
import { BATCH_SELECTION, OBJECT_SELECTION, ObjectReader } from "../settlement/object_reader.ts";
import { ReportedUsage } from "../usage/reported_usage.ts";
import type { ResponseSummary } from "./response_summary.ts";
import { TextMeter } from "../../payload/text_meter.ts";
import { TEXT_SELECTION } from "./text_selection.ts";
import { TOOLS_SELECTION, ToolsUsed } from "../usage/tools_used.ts";
import { sumOf, type Usage } from "../usage/usage.ts";
import { compileSelection, mergedSelection, type Selection } from "../../payload/json_selection.ts";

/** The values to select for all dialects, because an endpoint may respond in more than one dialect. */
const SELECTION_OF_ALL = {
  model: true,
  usage: true,
  stop_reason: true,
  // Bedrock's Converse, the last event of each of its models, and models of Amazon, Meta and Mistral.
  stopReason: true,
  "amazon-bedrock-invocationMetrics": true,
  metadata: { usage: true, serviceTier: true },
  serviceTier: true,
  messageStop: { stopReason: true },
  contentBlockDelta: { delta: TEXT_SELECTION.delta },
  outputText: "length",
  completionReason: true,
  generation: "length",
  outputs: { "*": { text: "length", stop_reason: true } },
  status: true,
  service_tier: true,
  incomplete_details: { reason: true },
  // Moonshot's streams have their usage inside a choice.
  choices: { "*": { usage: true, finish_reason: true, ...TEXT_SELECTION.choice } },
  content: TEXT_SELECTION.content,
  // Anthropic's events.
  message: { model: true, usage: true, stop_reason: true, ...TEXT_SELECTION.message },
  // Cohere's events have their usage here.
  delta: { stop_reason: true, finish_reason: true, usage: true, ...TEXT_SELECTION.delta },
  // Events of OpenAI's responses.
  response: {
    // Ollama's text.
    "": "length",
    model: true,
    usage: true,
    status: true,
    service_tier: true,
    incomplete_details: { reason: true },
    output: TOOLS_SELECTION.output,
    // Cohere's older API.
    meta: true,
    finish_reason: true,
  },
  output: {
    "*": { ...TOOLS_SELECTION.output["*"], ...TEXT_SELECTION.output },
    message: TEXT_SELECTION.message,
  },
  meta: true,
  // The model that made an SVG image of OpenAI.
  svg_usage: true,
  output_format: true,
  // The length of transcribed sound in seconds, in the verbose form of OpenAI and Groq.
  duration: true,
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
    "*": {
      finishReason: true,
      groundingMetadata: TOOLS_SELECTION.groundingMetadata,
      ...TEXT_SELECTION.candidate,
    },
  },
  // The native APIs of Ollama and llama.cpp.
  prompt_eval_count: true,
  eval_count: true,
  done_reason: true,
  tokens_evaluated: true,
  tokens_predicted: true,
  usage_info: TOOLS_SELECTION.usage_info,
  item: TOOLS_SELECTION.item,
  content_block: TOOLS_SELECTION.content_block,
} as const satisfies Selection;
const SELECTED = compileSelection(SELECTION_OF_ALL);
const SELECTED_WITH_OBJECT = compileSelection(mergedSelection(SELECTION_OF_ALL, OBJECT_SELECTION));
const SELECTED_WITH_BATCH = compileSelection(mergedSelection(SELECTION_OF_ALL, BATCH_SELECTION));
/** The statuses of a response that has not ended. */
const UNFINISHED: ReadonlySet<string> = new Set(["in_progress", "queued"]);
/** The longest name of a model or stop reason, in characters. */
const MAX_TEXT = 200;

/** A summary whose members can be set. */
type SummaryDraft = { -readonly [Member in keyof ResponseSummary]: ResponseSummary[Member] };

/** The request and the backend that belong to a response. */
export interface ResponseSource {
  /** The action of the request on an object. Absent if the request concerns no object. */
  readonly object?: ObjectRequest | undefined;
  /** The name of the backend. Malformed compressed bodies are counted by it. */
  readonly upstream?: string;
  /** The time in milliseconds of a monotonic clock. Absent if invisible output does not count. */
  readonly now?: () => number;
}

/** Reads one response that is not a WebSocket. */
export class ResponseTap {
  readonly #reported = new ReportedUsage();
  /** The sum over parts that report their usage separately. `undefined` without such parts. */
  #lines: Usage | undefined;
  /** The contradictions in the usage of these parts. */
  #contradictions: Set<string> | undefined;
  #isPicture = false;
  /** The length of transcribed sound, in seconds. It counts only if the response states no usage. */
  #soundSeconds: number | undefined;
  readonly #text = new TextMeter();
  /** The estimated tokens of the text before the last reported usage. */
  #tokensBeforeUsage = 0;
  readonly #isStream: boolean;
  readonly #tools = new ToolsUsed();
  readonly #media = new MediaReader();
  #model: string | undefined;
  #stopReason: string | undefined;
  #tier: string | undefined;
  /** The status of the response. It is the stop reason if there is no other. */
  #status: string | undefined;
  readonly #sink: { write(bytes: Uint8Array): void };
  readonly #decompressor: Decompressor | undefined;
  /** The reader of the facts about an object. `undefined` for requests that concern no object. */
  readonly object: ObjectReader | undefined;

  /**
   * Returns the reader for a response with these headers. `undefined` if the proxy cannot read its content
   * type or coding.
   */
  static of(
    fields: readonly Field[],
    { object: request, upstream = "unnamed" }: ResponseSource = {},
  ): ResponseTap | undefined {
    const mediaType = essenceOf(fields);
    // Most responses have this type, and a comparison is faster than a pattern.
    const isPlain = mediaType === "application/json";
    const isEvents = !isPlain && isEventStream(fields);
    const isAmazonStream = mediaType === "application/vnd.amazon.eventstream";
    const isLines = !isPlain && /ndjson$|jsonl$|json-seq$/.test(mediaType);
    const isJson = isPlain || isLines || /^application\/(?:[\w.+-]+\+)?json$/.test(mediaType);
    // OpenAI and Google send files without a useful type. The results of batches are such files.
    const isFile = (request?.action === "results" || request?.action === "file") &&
      !/^(?:image|audio|video)\//.test(mediaType);
    if (!isEvents && !isAmazonStream && !isJson && !isFile) return undefined;
    const coding = contentCodingOf(fields);
    if (coding !== "identity" && !canDecode(coding, { side: "upstream", name: upstream })) return undefined;
    const isStream = isEvents || isAmazonStream || isLines;
    const framing = isEvents ? "events" : isAmazonStream ? "amazon" : "none";
    return new ResponseTap({ framing, isStream, coding, request, upstream, tier: tierInFields(fields) });
  }

  private constructor(
    { framing, isStream, coding, request, upstream, tier }: {
      framing: "events" | "amazon" | "none";
      isStream: boolean;
      coding: DecodedCoding | "identity";
      request: ObjectRequest | undefined;
      upstream: string;
      tier: string | undefined;
    },
  ) {
    this.#sawTier(tier);
    this.#isStream = isStream;
    const object = request && new ObjectReader(request.kind);
    this.object = object;
    const texts = this.#text;
    const repeats = framing === "events";
    const json = object === undefined
      ? new JsonScanner(SELECTED, (path, value) => this.#found(path, value), { texts, repeats })
      : new JsonScanner(
        request?.kind === "batch" ? SELECTED_WITH_BATCH : SELECTED_WITH_OBJECT,
        (path, value) => {
          if (!object.found(path, value)) this.#found(path, value);
        },
        { texts, repeats, onEnd: () => object.textEnded() },
      );
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

  /** Reads the next piece of the response. Does not keep a reference to it. */
  write(piece: Uint8Array): void {
    this.#sink.write(piece);
  }

  /** Whether a stream has shown its stop reason, or that it is complete. */
  get isOver(): boolean {
    return this.#isStream && this.#stop() !== undefined;
  }

  /** Whether the response is streamed while it is generated. */
  get isStream(): boolean {
    return this.#isStream;
  }

  /** The bytes of generated text so far, of any kind. */
  get textBytes(): number {
    return this.#text.bytes;
  }

  /**
   * Returns the summary of the response, after it has ended in any way. Returns a promise only if the
   * response was compressed.
   */
  end(): ResponseSummary | Promise<ResponseSummary> {
    return this.#decompressor === undefined
      ? this.#summary()
      : this.#decompressor.end().then(() => this.#summary());
  }

  #summary(): ResponseSummary {
    const stopReason = this.#stop();
    const steps = this.#reported.steps();
    const reported = this.#reported.contradictions();
    const contradictions = this.#contradictions === undefined
      ? reported
      : [...this.#contradictions, ...reported];
    const media = this.#media.seen;
    const summary: SummaryDraft = {
      usage: this.#tools.with(this.#usage(), this.#model),
      textBytes: this.#text.bytes,
      texts: this.#text.texts,
      textTokens: this.#text.tokens,
      unreportedTextTokens: this.#text.tokens - this.#tokensBeforeUsage,
    };
    if (this.#isStream) summary.isStream = true;
    if (steps.length > 0) summary.steps = steps;
    if (contradictions.length > 0) summary.contradictions = contradictions;
    if (this.#model !== undefined) summary.model = this.#model;
    if (stopReason !== undefined) summary.stopReason = stopReason;
    if (this.#tier !== undefined) summary.tier = this.#tier;
    if (media !== undefined) summary.media = media;
    if (this.#tools.hasCalls) summary.hasHostedCalls = true;
    if (this.object !== undefined) summary.object = this.object.seen;
    return summary;
  }

  #stop(): string | undefined {
    const isUnfinished = this.#status !== undefined && UNFINISHED.has(this.#status);
    return this.#stopReason ?? (isUnfinished ? undefined : this.#status);
  }

  #usage(): Usage {
    const usage = this.#reported.usage();
    const reported = this.#lines === undefined ? usage : sumOf(this.#lines, usage);
    if (this.#soundSeconds !== undefined && Object.keys(reported).length === 0) {
      return { inputAudioSeconds: this.#soundSeconds };
    }
    // If a response has images, all of its output is images (`ImageGenCompletedEvent.Usage` of `openai`).
    const isDetailed = reported.outputTokens === undefined || reported.outputImageTokens !== undefined;
    return this.#isPicture && !isDetailed
      ? { ...reported, outputImageTokens: reported.outputTokens }
      : reported;
  }

  #addLine(usage: unknown): void {
    const line = new ReportedUsage();
    line.add(usage);
    this.#lines = sumOf(this.#lines ?? {}, line.usage());
    const contradictions = this.#contradictions ??= new Set();
    for (const contradiction of line.contradictions()) contradictions.add(contradiction);
  }

  #sawTier(tier: string | undefined): void {
    // A response must not get the low price of batches by naming their tier. Only lines of a batch have this
    // price.
    if (tier !== undefined && tier !== BATCH_TIER) this.#tier = tier;
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
        this.#reported.add(value);
        this.#tokensBeforeUsage = this.#text.tokens;
        if (isFast(value)) this.#tier = "fast";
        if (path === "usageMetadata") this.#sawTier(tierOfGemini(value));
        return;
      case "svg_usage":
        this.#reported.addStep(value);
        return;
      case "result.message.usage":
        this.#tier = BATCH_TIER;
        this.#addLine(value);
        return;
      case "predictions.*.embeddings.statistics.token_count":
        this.#addLine({ total_tokens: value });
        return;
      case "duration":
        // Some servers state it as a string.
        if (Number(value) > 0) this.#soundSeconds = Number(value);
        return;
      case "service_tier":
      case "serviceTier":
      case "metadata.serviceTier":
      case "response.service_tier":
        this.#sawTier(tierOf(value));
        return;
      case "output_format":
        this.#isPicture = true;
        return;
      case "prompt_eval_count":
      case "eval_count":
      case "tokens_evaluated":
      case "tokens_predicted":
        this.#reported.add({ [path]: value });
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
      case "status":
      case "response.status":
      case "interaction.status":
        this.#status = value;
        return;
      default:
        if (!this.#media.found(path, value)) this.#stopReason = value;
    }
  }
}

/** Whether Anthropic's usage shows its fast mode. */
function isFast(usage: unknown): boolean {
  return typeof usage === "object" && usage !== null && "speed" in usage && usage.speed === "fast";
}

/** The service tier in Gemini's usage. */
function tierOfGemini(usage: unknown): string | undefined {
  return typeof usage === "object" && usage !== null && "serviceTier" in usage
    ? tierOf(usage.serviceTier)
    : undefined;
}
