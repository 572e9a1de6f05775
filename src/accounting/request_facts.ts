/** What a request asks for, as far as limits and accounts need it. */

import { JsonScanner } from "./json_scanner.ts";
import { wantedPlaces } from "./wanted_places.ts";

/** What a request says of itself; what it does not say is absent. */
export interface RequestFacts {
  readonly model?: string;
  /** The most tokens that the answer may have. */
  readonly maxOutputTokens?: number;
  readonly stream?: boolean;
}

const WANTED = wantedPlaces({
  model: true,
  stream: true,
  max_tokens: true,
  max_completion_tokens: true,
  max_output_tokens: true,
  generationConfig: { maxOutputTokens: true },
});
const MAX_MODEL = 200;
/** No model answers at greater length; what a client says beyond it is not reserved. */
const MAX_OUTPUT_TOKENS = 10_000_000;
/** A form's fields are short and stand before or behind its file. */
const FORM_PART_BYTES = 8 * 1024;

/** Reads a request's body while it passes; it is not kept. */
export class RequestTap {
  #model: string | undefined;
  #maxOutputTokens: number | undefined;
  #stream: boolean | undefined;
  readonly #scanner: JsonScanner | undefined;
  /** The beginning and the end of a form. */
  #head = new Uint8Array();
  #tail = new Uint8Array();
  readonly #isForm: boolean;

  /** `query` is the raw one, where it can name a model. */
  constructor(
    { contentType, path, query = "" }: { contentType: string | undefined; path: string; query?: string },
  ) {
    this.#isForm = /^multipart\/form-data\b/i.test(contentType ?? "");
    this.#model = modelsInPath(path).at(-1) ?? (query === "" ? undefined : modelsInQuery(query)[0]);
    this.#scanner = this.#isForm
      ? undefined
      : new JsonScanner(WANTED, (place, value) => this.#found(place, value));
  }

  write(piece: Uint8Array): void {
    this.#scanner?.write(piece);
    if (!this.#isForm) return;
    if (this.#head.length < FORM_PART_BYTES) this.#head = joinedEnd(this.#head, piece, "first");
    this.#tail = joinedEnd(this.#tail, piece, "last");
  }

  facts(): RequestFacts {
    const model = this.#model ??
      (this.#isForm ? modelInForm(this.#head) ?? modelInForm(this.#tail) : undefined);
    return {
      ...(model !== undefined && { model }),
      ...(this.#maxOutputTokens !== undefined && { maxOutputTokens: this.#maxOutputTokens }),
      ...(this.#stream !== undefined && { stream: this.#stream }),
    };
  }

  #found(place: string, value: unknown): void {
    if (place === "model") {
      if (typeof value === "string" && value !== "" && value.length <= MAX_MODEL) this.#model = value;
    } else if (place === "stream") {
      if (typeof value === "boolean") this.#stream = value;
    } else if (typeof value === "number" && value >= 0) {
      this.#maxOutputTokens = Math.min(
        Math.max(this.#maxOutputTokens ?? 0, Math.ceil(value)),
        MAX_OUTPUT_TOKENS,
      );
    }
  }
}

/** What a path has that names a model; whatever is encoded may be part of it. */
const MAY_NAME_MODEL = /[:%]|models|deployments|engines/i;
/** Segments of a path behind which a model is named. */
const MODEL_FOLDERS: ReadonlySet<string> = new Set(["models", "tunedmodels", "deployments", "engines"]);

/**
 * The models that a path names, as Gemini's and Azure's do: `/v1beta/models/NAME:generateContent`,
 * `/deployments/NAME/…`. Every one there is, however it is written: servers decode and merge slashes before they look.
 */
export function modelsInPath(path: string): string[] {
  // Nearly no path does, and every request asks.
  if (!MAY_NAME_MODEL.test(path)) return [];
  const segments = path.split("/").map(decoded).join("/").split("/").filter((segment) => segment !== "");
  const names: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const isNamed = MODEL_FOLDERS.has((segments[index - 1] ?? "").toLowerCase());
    const action = /:[A-Za-z]+$/.exec(segment);
    if (isNamed || action !== null && index === segments.length - 1) {
      names.push(segment.slice(0, action?.index ?? segment.length).slice(0, MAX_MODEL));
    }
  }
  return names;
}

/** The models that a query names, in whatever capitals. */
export function modelsInQuery(query: string): string[] {
  return [...new URLSearchParams(query)].flatMap(([name, value]) =>
    name.toLowerCase() === "model" ? [value.slice(0, MAX_MODEL)] : []
  );
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function joinedEnd(kept: Uint8Array, piece: Uint8Array, which: "first" | "last"): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(kept.length + piece.length);
  whole.set(kept);
  whole.set(piece, kept.length);
  return which === "first" ? whole.slice(0, FORM_PART_BYTES) : whole.slice(-FORM_PART_BYTES);
}

function modelInForm(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes);
  return /name="?model"?[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]{1,200})\r\n--/i.exec(text)?.[1];
}
