/** Reads the facts of a request while its body passes without a change. */

import { factsOf, type Operation } from "../../apis/operations.ts";
import { modelsInPath, modelsInQuery } from "../../payload/models_in_head.ts";
import { MAX_CHOICES, MAX_OUTPUT_TOKENS, type RequestFacts } from "../../payload/request_facts.ts";
import { GrowingBuffer } from "../../streams/growing_buffer.ts";
import { dearTier, tierOf } from "../../payload/service_tier.ts";
import type { HostedTool } from "../../payload/hosted_tools.ts";
import { JsonScanner } from "../../payload/json_scanner.ts";
import { secondsOfBytes } from "../../payload/sound_length.ts";
import { estimatedTokens } from "../estimates/estimate.ts";
import { imageTokensFor } from "../../payload/image_tokens.ts";
import { MediaMeter } from "../../payload/media_meter.ts";
import { TextMeter } from "../../payload/text_meter.ts";
import { INPUT_SELECTION } from "./text_selection.ts";
import { compileSelection } from "../../payload/json_selection.ts";

const SELECTED = compileSelection({
  model: true,
  stream: true,
  background: true,
  store: true,
  ...INPUT_SELECTION,
  service_tier: true,
  serviceTier: true,
  speed: true,
  max_tokens: true,
  max_completion_tokens: true,
  max_output_tokens: true,
  generationConfig: { maxOutputTokens: true, candidateCount: true },
  n: true,
  web_search_options: true,
});
const WEB_SEARCH: readonly HostedTool[] = [{ name: "web_search_options", charge: "web searches" }];
const MAX_MODEL = 200;
/**
 * The bytes at the start and at the end of a form that are read. Its fields are short, and are before or
 * after its file.
 */
const FORM_PART_BYTES = 8 * 1024;
const MOST_TAIL_BYTES = 4 * FORM_PART_BYTES;

/** Reads the body of a request while it passes, without storing it. */
export class RequestTap {
  #model: string | undefined;
  #maxOutputTokens: number | undefined;
  #stream: boolean | undefined;
  #tier: string | undefined;
  #background = false;
  #isStored = false;
  #choices = 1;
  #searches = false;
  #bytes = 0;
  readonly #text = new TextMeter();
  readonly #media = new MediaMeter();
  readonly #isReadable: boolean;
  readonly #scanner: JsonScanner | undefined;
  /** The first and the last bytes of a form. `undefined` for other bodies. */
  readonly #form: { readonly head: GrowingBuffer; readonly tail: GrowingBuffer } | undefined;
  readonly #readsSound: boolean;

  /** `query` is the raw query if it can name a model. `isReadable` is false for a compressed body. */
  constructor(
    { contentType, path, operation, query = "", isReadable = true }: {
      contentType: string | undefined;
      path: string;
      operation: Operation;
      query?: string;
      isReadable?: boolean;
    },
  ) {
    this.#isReadable = isReadable;
    const isForm = /^multipart\/form-data\b/i.test(contentType ?? "");
    this.#form = isForm ? { head: new GrowingBuffer(), tail: new GrowingBuffer() } : undefined;
    this.#readsSound = factsOf(operation).readsSound === true;
    this.#model = modelsInPath(path).at(-1) ?? (query === "" ? undefined : modelsInQuery(query)?.[0]);
    this.#scanner = isForm ? undefined : new JsonScanner(
      SELECTED,
      (place, value) => this.#found(place, value),
      { texts: this.#text, media: this.#media },
    );
  }

  /** How many bytes of the body have passed. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Estimates the input tokens of the bytes that have passed. */
  inputTokens(): number {
    if (this.#form !== undefined) return estimatedTokens({ kind: "form", length: this.#bytes });
    // Compression reduces text to about a quarter. So each compressed byte counts as four bytes, which is one
    // token.
    if (!this.#isReadable) return this.#bytes;
    const { images, imageBytes } = this.#media;
    const text = this.#text.bytes > 0
      ? Math.ceil(this.#text.tokens)
      : estimatedTokens({ kind: "json", length: this.#bytes - imageBytes });
    return text + imageTokensFor(images, this.#model);
  }

  /** Reads the next piece of the body. Does not keep a reference to it. */
  write(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (!this.#isReadable) return;
    this.#scanner?.write(piece);
    if (this.#form === undefined) return;
    const { head, tail } = this.#form;
    if (head.length < FORM_PART_BYTES) head.append(piece.subarray(0, FORM_PART_BYTES - head.length));
    tail.append(piece.subarray(-FORM_PART_BYTES));
    // The tail is not cut for each piece, because a piece may be a single byte.
    if (tail.length > MOST_TAIL_BYTES) tail.consume(tail.length - FORM_PART_BYTES);
  }

  /** Returns the facts of the request in the part of its body that has passed. */
  facts(): RequestFacts {
    const model = this.#model ??
      (this.#form && (modelInForm(this.#form.head.bytes) ?? modelInForm(this.#form.tail.bytes)));
    return {
      ...(model !== undefined && { model }),
      ...(this.#maxOutputTokens !== undefined && { maxOutputTokens: this.#maxOutputTokens }),
      ...(this.#stream !== undefined && { stream: this.#stream }),
      ...(this.#tier !== undefined && { tier: this.#tier }),
      ...(this.#background && { background: true }),
      ...(this.#isStored && { isStored: true }),
      ...(this.#searches && { hostedTools: WEB_SEARCH }),
      ...(this.#readsSound && { soundSeconds: secondsOfBytes(this.#bytes) }),
      ...(this.#choices > 1 && { choices: this.#choices }),
    };
  }

  #found(place: string, value: unknown): void {
    if (place === "model") {
      if (typeof value === "string" && value !== "" && value.length <= MAX_MODEL) this.#model = value;
    } else if (place === "stream") {
      if (typeof value === "boolean") this.#stream = value;
    } else if (place === "background") {
      this.#background = value === true;
    } else if (place === "store") {
      this.#isStored = value === true;
    } else if (place === "service_tier" || place === "serviceTier" || place === "speed") {
      this.#tier = dearTier([tierOf(value)]) ?? this.#tier;
    } else if (place === "web_search_options") {
      this.#searches = value !== null && value !== false;
    } else if (place === "n" || place === "generationConfig.candidateCount") {
      if (typeof value === "number" && value >= 1) this.#choices = Math.min(Math.ceil(value), MAX_CHOICES);
    } else if (typeof value === "number" && value >= 0) {
      this.#maxOutputTokens = Math.min(
        Math.max(this.#maxOutputTokens ?? 0, Math.ceil(value)),
        MAX_OUTPUT_TOKENS,
      );
    }
  }
}

/** The head of a plain field `model`, in the form that the strict reader of forms accepts. */
const MODEL_FIELD = /^content-disposition: *form-data; *name="model"$/i;

/** Returns the value of a plain field `model`. It reads the lines once. */
function modelInForm(bytes: Uint8Array): string | undefined {
  const lines = new TextDecoder().decode(bytes).split("\r\n");
  let isNamed = false;
  for (const [index, line] of lines.entries()) {
    if (line === "") {
      const value = lines[index + 1] ?? "";
      const isWhole = lines[index + 2]?.startsWith("--") === true;
      if (isNamed && isWhole && value !== "" && value.length <= MAX_MODEL) return value;
      isNamed = false;
    } else if (line.startsWith("--")) isNamed = false;
    else isNamed ||= index > 0 && MODEL_FIELD.test(line);
  }
  return undefined;
}
