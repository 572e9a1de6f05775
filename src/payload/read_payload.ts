/**
 * Reads the body of a request if a rule, an override or accounting depends on it. The proxy sends exactly
 * what it has read: the decoded bytes, with a `content-type` that says how it read them. It rejects a body
 * that it does not understand.
 */

import { factsOf, type Operation } from "../apis/operations.ts";
import { ProxyFault } from "../faults.ts";
import { type Field, field, fieldValue } from "../http/fields.ts";
import { isToken } from "../http/token.ts";
import { contentCodingOf } from "./content_coding.ts";
import { plainBody } from "./decode_body.ts";
import { formContent, type FormMedia, formMedia } from "./form_facts.ts";
import { firstByte } from "./json_members.ts";
import { JsonSyntaxError } from "./json_reader.ts";
import { isJson, type MediaType, parseMediaType } from "./media_type.ts";
import type { ModelPlace } from "./model_place.ts";
import { namesModel } from "./model_name.ts";
import { type JsonFindings, modelsInLines, readJsonObject, readShortJsonObject } from "./models_in_json.ts";
import { type FormPart, readForm } from "./multipart.ts";
import { FormSyntaxError } from "./part_head.ts";
import { createPause, type Pause, STEP_BYTES } from "./pace.ts";
import { jsonFacts, MAX_CHOICES, type RequestFacts } from "./request_facts.ts";
import { secondsOfBytes } from "./sound_length.ts";

/** The longest name of a model in a form, in bytes. */
const MAX_NAME_BYTES = 200;

/** A body that the proxy has read. */
export interface Payload {
  readonly kind: "empty" | "json" | "form" | "other";
  /** The decoded body. The proxy sends these bytes. */
  readonly bytes: Uint8Array;
  /** The headers to send with {@link bytes}. */
  readonly fields: readonly Field[];
  /** Every model that the body names. An empty name stands for a name that is not a string. */
  readonly models: readonly string[];
  /** The places that a model override replaces. */
  readonly places: readonly ModelPlace[];
  readonly facts: RequestFacts;
  /** The findings in a JSON body. Absent for other bodies. */
  readonly json?: JsonFindings;
  /**
   * Whether the body was read as JSON because it begins like an object, although its content type is not that
   * of JSON.
   */
  readonly hasGuessedType?: true;
  /** The files of a form. Absent for other bodies. */
  readonly form?: FormMedia;
}

/** The options of {@link readPayload}. */
export interface PayloadOptions {
  /** The headers of the request, without hop-by-hop headers. */
  readonly fields: readonly Field[];
  readonly operation: Operation;
  /** The limit of the body in bytes, before and after decoding. */
  readonly maxBytes: number;
  /** Whether to reject a body that is neither JSON nor a form. Otherwise such a body passes unread. */
  readonly mustBeKnown: boolean;
  /** Whether to look for models also in files, such as the requests of a batch. */
  readonly readsFiles: boolean;
  /**
   * Whether the model in the body chooses the endpoint. A body that begins like a JSON object is then read as
   * JSON under any content type. The content type does not change.
   */
  readonly choosesEndpoint?: boolean;
  /**
   * Called before decoding, with the highest number of bytes that decoding can produce. Throws if there is no
   * memory for them.
   */
  readonly hold: (bytes: number) => void;
  /** The client that sent the body, by which malformed bodies are counted. */
  readonly sender?: string;
}

/** Returns the reason why the proxy reads a body, for error messages. */
function whyOf({ choosesEndpoint }: Pick<PayloadOptions, "choosesEndpoint">): string {
  const why = choosesEndpoint === true
    ? "The proxy has to know the model in this body"
    : "A rule, a model override or a budget depends on this body";
  return `${why}, so the proxy must read it`;
}

/**
 * Reads a body. Throws a {@link ProxyFault}: `bad_request` for a malformed body, `payload_too_large` for a
 * body that is too long when decoded, and `forbidden` for an unknown type if `mustBeKnown` is set.
 */
export async function readPayload(body: Uint8Array, options: PayloadOptions): Promise<Payload> {
  const { fields, mustBeKnown } = options;
  if (body.length === 0) {
    return { kind: "empty", bytes: body, fields, models: [], places: [], facts: {} };
  }
  const type = typeOf(options);
  if (type !== undefined && !isJson(type) && type.essence !== FORM) {
    if (mustBeKnown) {
      throw new ProxyFault(
        "forbidden",
        `${whyOf(options)}. The body is ${type.essence}, and not JSON or multipart/form-data.`,
      );
    }
    const json = options.choosesEndpoint === true ? await jsonOfAnyType(body, options) : undefined;
    if (json !== undefined) return json;
    await checkOther(body, type, options);
    return { kind: "other", bytes: body, fields, models: [], places: [], facts: {} };
  }
  const plain = contentCodingOf(fields) === "identity" ? body : (await plainBody(body, options)).plain;
  try {
    if (type?.essence === FORM) return await readFormBody(plain, type, options);
    const { operation } = options;
    const json = await readJsonObject(plain, { operation, pause: createPause() });
    return jsonPayload(plain, json, { type, fields, operation });
  } catch (error) {
    throw asFault(error, type, options);
  }
}

/**
 * Reads a body that begins like a JSON object, but has another content type. `curl -d` sends JSON as a form,
 * and many servers accept it. Resolves to `undefined` if the body begins like something else.
 */
async function jsonOfAnyType(body: Uint8Array, options: PayloadOptions): Promise<Payload | undefined> {
  const { plain } = await plainBody(body, options);
  if (String.fromCharCode(plain[firstByte(plain)] ?? 0) !== "{") return undefined;
  const { operation } = options;
  try {
    const json = await readJsonObject(plain, { operation, pause: createPause() });
    const fields = options.fields.filter(({ lower }) => lower !== "content-encoding");
    const payload = jsonPayload(plain, json, { type: undefined, fields, operation });
    return { ...payload, fields, hasGuessedType: true };
  } catch (error) {
    throw asFault(error, undefined, options);
  }
}

/**
 * Reads a short JSON body as {@link readPayload} does, but without a promise. Most bodies are short. Returns
 * `undefined` for all other bodies.
 */
export function readShortPayload(
  body: Uint8Array,
  options: Pick<PayloadOptions, "fields" | "operation" | "choosesEndpoint">,
): Payload | undefined {
  const { fields, operation } = options;
  if (body.length === 0 || body.length > STEP_BYTES || contentCodingOf(fields) !== "identity") {
    return undefined;
  }
  const type = typeOf(options);
  if (type !== undefined && !isJson(type)) return undefined;
  try {
    return jsonPayload(body, readShortJsonObject(body, operation), { type, fields, operation });
  } catch (error) {
    throw asFault(error, type, options);
  }
}

function asFault(
  error: unknown,
  type: MediaType | undefined,
  options: Pick<PayloadOptions, "choosesEndpoint">,
): unknown {
  if (!(error instanceof JsonSyntaxError) && !(error instanceof FormSyntaxError)) return error;
  const what = type?.essence === FORM ? "form (RFC 7578)" : "JSON (RFC 8259)";
  return new ProxyFault("bad_request", `${whyOf(options)}. The body is malformed ${what}: ${error.message}.`);
}

/**
 * Rejects a body that begins like JSON or a form. Many servers read such a body as JSON, no matter which
 * content type it has.
 */
async function checkOther(body: Uint8Array, { essence }: MediaType, options: PayloadOptions): Promise<void> {
  const { plain } = await plainBody(body, options);
  const first = String.fromCharCode(plain[firstByte(plain)] ?? 0);
  if (!'{["-\u00ef'.includes(first)) return;
  throw new ProxyFault(
    "bad_request",
    `${whyOf(options)}. Its Content-Type is ${essence}, but the body begins like JSON or a form.`,
  );
}

const FORM = "multipart/form-data";

/** The names of UTF-8, and of ASCII, which is a part of it. */
const UTF8_CHARSETS: ReadonlySet<string> = new Set(["utf-8", "utf8", "us-ascii", "ascii"]);

/**
 * Returns the media type of the body. `undefined` if there is no `content-type`. Throws if readers could
 * understand it differently.
 */
function typeOf(
  options: Pick<PayloadOptions, "fields" | "choosesEndpoint">,
): MediaType | undefined {
  const { fields } = options;
  const value = fieldValue(fields, "content-type");
  if (value === undefined) return undefined;
  const type = parseMediaType(value);
  const charset = type?.parameters.get("charset")?.toLowerCase() ?? "utf-8";
  if (type === undefined || !UTF8_CHARSETS.has(charset) && isJson(type)) {
    throw new ProxyFault(
      "bad_request",
      `${whyOf(options)}. Its Content-Type is malformed, repeated, or not UTF-8.`,
    );
  }
  return type;
}

function jsonPayload(
  bytes: Uint8Array,
  json: JsonFindings,
  { type, fields, operation }: Pick<PayloadOptions, "fields" | "operation"> & { type: MediaType | undefined },
): Payload {
  const facts = jsonFacts(bytes, json, operation);
  return {
    kind: "json",
    bytes,
    fields: withContentType(fields, type?.essence ?? "application/json"),
    models: json.models,
    places: json.places,
    facts: factsOf(operation).readsSound === true
      ? { ...facts, soundSeconds: secondsOfBytes(bytes.length) }
      : facts,
    json,
  };
}

async function readFormBody(
  bytes: Uint8Array,
  { parameters }: MediaType,
  { fields, operation, readsFiles }: PayloadOptions,
): Promise<Payload> {
  const boundary = parameters.get("boundary");
  if (boundary === undefined) throw new FormSyntaxError("a form without a boundary");
  const pause = createPause();
  const parts = await readForm(bytes, { boundary, pause });
  const models: string[] = [];
  const places: ModelPlace[] = [];
  for (const { name, start, end, isFile, lengthAt } of parts) {
    if (!namesModel(name)) continue;
    if (end - start > MAX_NAME_BYTES) throw new FormSyntaxError("a model's name that is too long");
    const isPlain = name === "model" && !isFile;
    const value = new TextDecoder().decode(bytes.subarray(start, end));
    if (name.toLowerCase() === "model" && (!isPlain || places.length > 0)) {
      throw new FormSyntaxError(
        places.length > 0 ? "the field model twice" : `a field ${JSON.stringify(name)}`,
      );
    }
    models.push(value);
    if (!isPlain) continue;
    if (lengthAt !== undefined) {
      const write = (text: string) => String(new TextEncoder().encode(text).length);
      places.push({ ...lengthAt, name: value, write });
    }
    places.push({ start, end, name: value, write: (text) => text });
  }
  const choices = choicesIn(bytes, parts);
  if (readsFiles) models.push(...await modelsInBatch(bytes, parts, { operation, pause }));
  const place = places.at(-1);
  return {
    kind: "form",
    bytes,
    fields: withContentType(fields, `${FORM}; boundary=${isToken(boundary) ? boundary : `"${boundary}"`}`),
    models,
    places,
    form: formMedia(bytes, parts, operation),
    facts: {
      ...(place !== undefined && { model: place.name }),
      ...(choices !== undefined && choices > 1 && { choices }),
      ...formContent(bytes, parts, operation),
    },
  };
}

/** The longest number of responses in a form, in bytes. */
const MAX_NUMBER_BYTES = 20;

/**
 * Returns how many responses a form requests by the field `n`, as OpenAI's image edits do. `undefined` if
 * there is no such field.
 */
function choicesIn(bytes: Uint8Array, parts: readonly FormPart[]): number | undefined {
  const [first, second] = parts.filter(({ name }) => name.trim().toLowerCase() === "n");
  if (first === undefined) return undefined;
  if (second !== undefined || first.name !== "n" || first.isFile) {
    throw new FormSyntaxError("a field n that is repeated, or is not a plain field");
  }
  const text = new TextDecoder().decode(bytes.subarray(first.start, first.end)).trim();
  if (first.end - first.start > MAX_NUMBER_BYTES || !/^\d+$/.test(text)) {
    throw new FormSyntaxError("a field n that is not a number");
  }
  return Math.min(Number(text), MAX_CHOICES);
}

/** The purposes of files that contain no requests (OpenAI's Files API). */
export const PURPOSES_WITHOUT_REQUESTS: ReadonlySet<string> = new Set([
  "assistants",
  "vision",
  "fine-tune",
  "user_data",
  "evals",
]);

/** Returns the models in an uploaded batch file, which has one JSON object per line (OpenAI's Batch API). */
async function modelsInBatch(
  bytes: Uint8Array,
  parts: readonly FormPart[],
  { operation, pause }: { operation: Operation; pause: Pause },
): Promise<string[]> {
  const { fileInForm } = factsOf(operation);
  if (fileInForm === "part") {
    throw new FormSyntaxError("a part of a larger file, whose models cannot be read");
  }
  if (fileInForm === undefined) return [];
  const [purpose, second] = parts.filter(({ name }) => name.toLowerCase() === "purpose");
  if (
    second !== undefined || purpose?.isFile === true ||
    purpose !== undefined && purpose.name !== "purpose"
  ) {
    throw new FormSyntaxError("a purpose that is repeated or is not a plain field");
  }
  const stated = purpose && new TextDecoder().decode(bytes.subarray(purpose.start, purpose.end));
  if (stated !== undefined && PURPOSES_WITHOUT_REQUESTS.has(stated)) return [];
  const files = parts.filter(({ name, isFile }) => isFile || name.toLowerCase() === "file");
  const models: (readonly string[])[] = [];
  for (const { start, end } of files) {
    models.push(await modelsInLines(bytes.subarray(start, end), { pause }));
    await pause();
  }
  return models.flat();
}

function isEncoding({ lower }: Field): boolean {
  return lower === "content-encoding";
}

/**
 * Returns the headers of a body that is sent decoded: without `content-encoding`, and with one content type.
 */
function withContentType(fields: readonly Field[], type: string): readonly Field[] {
  const decoded = fields.some(isEncoding) ? fields.filter((one) => !isEncoding(one)) : fields;
  const current = fieldValue(fields, "content-type");
  if (current === undefined) return [...decoded, field("content-type", type)];
  // If the charset is the default, the header stays as the client wrote it.
  const isSame = current === type || /^application\/[\w.+-]+ *; *charset="?utf-8"?$/i.test(current);
  return isSame
    ? decoded
    : decoded.map((one) => one.lower === "content-type" ? { ...one, value: type } : one);
}
