/** Every model that a request names: in its path, its query and anywhere in its body. */

import { foldKey } from "./fold_key.ts";
import { JsonReader, type JsonSpan, JsonSyntaxError, jsonText, type JsonWatcher } from "./json_reader.ts";
import type { ModelPlace } from "./model_place.ts";
import { type Pause, STEP_BYTES } from "./pace.ts";

/** Longer ones are no model's name. */
const MAX_NAME = 200;
/** Of JSON: a character may be written as an escape. */
const LONGEST_ESCAPE = 6;
/** A text that is longer names no model, whatever blanks are in front of the name. */
const MAX_NAME_BYTES = 2 * (MAX_NAME + 2) * LONGEST_ESCAPE;
/** A batch may name one in each of its lines, but hardly a different one; each is compared with every rule. */
const MAX_MODELS = 1_000;

/** Segments of a path behind which a model is named. */
const MODEL_FOLDERS: ReadonlySet<string> = new Set([
  "model",
  "models",
  "tunedmodels",
  "deployments",
  "engines",
]);
/** Most paths name none, and every request asks; whatever is encoded may be part of a name. */
const MAY_NAME_MODEL = /[:%]|model|deployments|engines/i;

/**
 * The models that a path names, as Gemini's, Azure's and Bedrock's do: `/v1beta/models/NAME:generateContent`,
 * `/deployments/NAME/…`, `/model/NAME/converse`. All of them, however they are written: servers decode and merge
 * slashes before they look.
 */
export function modelsInPath(path: string): string[] {
  if (!MAY_NAME_MODEL.test(path)) return [];
  const segments = path.split("/").map(decoded).join("/").split("/").filter((segment) => segment !== "");
  const names: string[] = [];
  for (const [index, segment] of segments.entries()) {
    const isNamed = MODEL_FOLDERS.has((segments[index - 1] ?? "").toLowerCase());
    const action = /:[A-Za-z]+$/.exec(segment);
    if (isNamed || action !== null && index === segments.length - 1) {
      names.push(shortName(segment.slice(0, action?.index ?? segment.length)));
    }
  }
  return names;
}

/** The models that a query names, in any capitals. */
export function modelsInQuery(query: string): string[] {
  if (query === "") return [];
  return [...new URLSearchParams(query)].flatMap(([name, value]) =>
    namesModel(name) ? [shortName(value)] : []
  );
}

/**
 * The models of a request's head: those that a server must find, and those that stand where only some servers look, so
 * that a rule has to hold for them too. Of a WebSocket the query names the model.
 */
export function modelsInHead(
  { path, query, fields, upgrade }: {
    path: string;
    query: string;
    fields: readonly { readonly lower: string; readonly value: string }[];
    upgrade: boolean;
  },
): { readonly named: readonly string[]; readonly besides: readonly string[] } {
  const [inPath, inQuery, inFields] = [modelsInPath(path), modelsInQuery(query), modelsInFields(fields)];
  return upgrade
    ? { named: inQuery, besides: [...inPath, ...inFields] }
    : { named: inPath, besides: [...inQuery, ...inFields] };
}

/** Names of header fields that end like a model's key; browsers tell their device's model in such a one. */
const MODEL_FIELD = /(?:model|deployment|engine|fallback)/;

/** The models that header fields name, as Azure's `azureml-model-deployment` does. */
export function modelsInFields(
  fields: readonly { readonly lower: string; readonly value: string }[],
): string[] {
  return fields.flatMap(({ lower, value }) =>
    MODEL_FIELD.test(lower) && !lower.startsWith("sec-") && namesModel(lower)
      ? value.split(",").map(shortName)
      : []
  );
}

/**
 * The beginning of a name that is long enough to tell it from every model. Blanks and control characters at the front
 * would fill it: some servers pass over them.
 */
function shortName(name: string): string {
  // deno-lint-ignore no-control-regex -- some servers pass over control characters
  return name.replace(/^[\s\x00-\x1f\x7f\ufeff]+/, "").trimEnd().slice(0, MAX_NAME);
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

/**
 * Ends of keys under which APIs name a model: `model`, `fallback_models`, `modelId`, `base_model`, … An agent, an
 * assistant and a preset stand for the model that their maker chose.
 */
const MODEL_KEY =
  /(?:models?|modelids?|modelnames?|deployment|deploymentid|engine|engineid|fallbacks?|agentid|assistantid|preset)$/;

/** Whether the value of a key or field names a model, in any capitals and with any separators. */
export function namesModel(key: string): boolean {
  return MODEL_KEY.test(foldKey(key).replaceAll(/[-_.\s[\]]/g, ""));
}

/**
 * Keys whose values are conversation, data of the caller or JSON schemas, at any depth: what is called `model` in
 * there selects none. `input` and `prompt` are among them where they are no object.
 */
const FREE_FORM: ReadonlySet<string> = new Set([
  "messages",
  "contents",
  "system",
  "system_instruction",
  "systeminstruction",
  "instructions",
  "metadata",
  "headers",
  "labels",
  "parameters",
  "parametersjsonschema",
  "input_schema",
  "schema",
  "json_schema",
  "responseschema",
  "responsejsonschema",
  "response_schema",
  "response_format",
  "properties",
  "$defs",
  "definitions",
  "guided_json",
  "format",
  "output_schema",
  "arguments",
  "args",
  "variables",
  "logit_bias",
]);
/** Those of them that hold what the model reads. */
const CONVERSATION: ReadonlySet<string> = new Set([
  "messages",
  "contents",
  "system",
  "system_instruction",
  "systeminstruction",
  "instructions",
]);
const FREE_FORM_UNLESS_OBJECT: ReadonlySet<string> = new Set(["input", "prompt", "documents", "query"]);

/** Keys by which Ollama's own API names models, on the paths where it does (its docs/api.md). */
const OLLAMA_PATH = /\/api\/(?:create|copy|show|pull|push|delete)\/?$/;
const OLLAMA_KEYS: ReadonlySet<string> = new Set(["name", "from", "source", "destination"]);

/** Members of the outermost object that the proxy acts upon: none may be repeated or written in other capitals. */
export const WATCHED_MEMBERS = [
  "model",
  "stream",
  "stream_options",
  "max_tokens",
  "max_completion_tokens",
  "max_output_tokens",
  "max_tokens_to_sample",
  "n",
  "best_of",
  "generationConfig",
  "generation_config",
  "service_tier",
  "serviceTier",
  "speed",
  "background",
] as const;
/** The name of such a member. */
export type WatchedMember = (typeof WATCHED_MEMBERS)[number];
const WATCHED = new Map<string, WatchedMember>(WATCHED_MEMBERS.map((name) => [foldKey(name), name]));

/** What a JSON body says of the request. */
export interface JsonFindings {
  /** Every model it names, wherever. An empty name stands for one that is no text. */
  readonly models: readonly string[];
  /** Where the outermost `model` stands. */
  readonly places: readonly ModelPlace[];
  readonly members: ReadonlyMap<WatchedMember, JsonSpan>;
  /** How many prompts the outermost `prompt` has; 0: it is no list of them. */
  readonly prompts: number;
  /**
   * Whether the body refers to content that is elsewhere and that the model reads: an address, a file, an earlier
   * response, a stored prompt or a cache. Its length cannot be known from the body.
   */
  readonly refersElsewhere: boolean;
  /** Where the first key of the outermost object begins; undefined: the object is empty. */
  readonly firstKey: number | undefined;
}

/**
 * Keys of content that is elsewhere, by the references of OpenAI, Anthropic, Gemini, Bedrock, Mistral and Cohere. A text
 * that begins with `data:` is the content itself.
 */
const REFERENCES: ReadonlySet<string> = new Set([
  "url",
  "uri",
  "image_url",
  "file_url",
  "document_url",
  "audio_url",
  "video_url",
  "file_id",
  "fileid",
  "file_uri",
  "fileuri",
  "gcs_uri",
  "previous_response_id",
  "conversation",
  "conversation_id",
  "cached_content",
  "cachedcontent",
  "prompt_id",
  "container",
  "vector_store_ids",
]);
/** Keys within conversations whose values are arguments of tools, and no content that the model is sent. */
const ARGUMENTS: ReadonlySet<string> = new Set(["input", "arguments", "args"]);
/** `data:`, behind the quote. */
const DATA_URL = new TextEncoder().encode("data:");

/** How a value is looked at. */
type Role =
  | "root"
  | "prompt"
  | "element of a prompt"
  | "inner"
  | "model"
  | "member of a model"
  | "content unless object"
  | "content"
  | "reference";
interface Place {
  readonly role: Role;
  readonly member: WatchedMember | undefined;
}
const ROOT: Place = { role: "root", member: undefined };
const INNER: Place = { role: "inner", member: undefined };
const MODEL: Place = { role: "model", member: undefined };
const MEMBER_OF_MODEL: Place = { role: "member of a model", member: undefined };
/** A list of texts, or of lists of tokens, is a prompt for each; a list of numbers is one prompt. */
const PROMPT: Place = { role: "prompt", member: undefined };
const PROMPT_ELEMENT: Place = { role: "element of a prompt", member: undefined };
const UNLESS_OBJECT: Place = { role: "content unless object", member: undefined };
const CONTENT: Place = { role: "content", member: undefined };
const REFERENCE: Place = { role: "reference", member: undefined };
const QUOTE = 0x22;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const LETTER_N = 0x6e;

/**
 * Reads a JSON object whole. `pause` is awaited between steps of a long one. Throws a {@link JsonSyntaxError}, also
 * for any other value and for a watched member that is repeated or written in other capitals.
 */
export async function readJsonObject(
  bytes: Uint8Array,
  { path, pause }: { path: string; pause: Pause },
): Promise<JsonFindings> {
  const members = new Map<WatchedMember, JsonSpan>();
  const places: ModelPlace[] = [];
  const entered = new Set<WatchedMember>();
  const isOllama = OLLAMA_PATH.test(path);
  let firstKey: number | undefined;
  const watcher = new ModelWatcher(bytes, {
    namesModel: (key) => isOllama && OLLAMA_KEYS.has(foldKey(key)),
    memberOf(key, keyStart) {
      firstKey ??= keyStart;
      const watched = WATCHED.get(foldKey(key));
      if (watched === undefined) return undefined;
      if (watched !== key) {
        throw new JsonSyntaxError(`the key ${JSON.stringify(key)}, where "${watched}" is meant`);
      }
      if (entered.has(watched)) throw new JsonSyntaxError(`the key "${watched}" twice`);
      entered.add(watched);
      return watched;
    },
    onMember(member, span, name) {
      members.set(member, span);
      if (member !== "model" || name === undefined) return;
      places.push({ ...span, name, write: (text) => JSON.stringify(text) });
    },
  });
  const reader = new JsonReader(bytes, watcher);
  while (!reader.step(STEP_BYTES)) await pause();
  if (firstKey === undefined && !EMPTY_OBJECT.test(new TextDecoder().decode(bytes.subarray(0, STEP_BYTES)))) {
    throw new JsonSyntaxError("a value that is not an object");
  }
  const { models, prompts, refersElsewhere } = watcher;
  return { models, places, members, prompts, refersElsewhere, firstKey };
}

const EMPTY_OBJECT = /^\s*\{\s*\}\s*$/;

/** The models that a file of JSON values names, one value a line. Throws a {@link JsonSyntaxError}. */
export async function modelsInLines(
  bytes: Uint8Array,
  { pause }: { pause: Pause },
): Promise<readonly string[]> {
  const watcher = new ModelWatcher(bytes, {
    namesModel: () => false,
    memberOf: () => undefined,
    onMember() {},
  });
  const reader = new JsonReader(bytes, watcher, { isSequence: true });
  while (!reader.step(STEP_BYTES)) await pause();
  return watcher.models;
}

/** What of the outermost object is looked at besides the models. */
interface RootWatch {
  /** Whether a key names a model on this path only. */
  readonly namesModel: (key: string) => boolean;
  readonly memberOf: (key: string, keyStart: number) => WatchedMember | undefined;
  /** A watched member has ended; `name`: it is a text. */
  readonly onMember: (member: WatchedMember, span: JsonSpan, name: string | undefined) => void;
}

/** Collects every model that is named. */
class ModelWatcher implements JsonWatcher<Place> {
  readonly root = ROOT;
  readonly #models = new Set<string>();
  prompts = 0;
  refersElsewhere = false;
  readonly #bytes: Uint8Array;
  readonly #watch: RootWatch;

  constructor(bytes: Uint8Array, watch: RootWatch) {
    this.#bytes = bytes;
    this.#watch = watch;
  }

  /** Each name once. */
  get models(): readonly string[] {
    return [...this.#models];
  }

  enter({ role }: Place, key: string | undefined, keyStart: number): Place | undefined {
    if (role === "model" || role === "member of a model") {
      // Every text below is taken for a name, but for what is conversation.
      if (key === undefined) return role === "model" ? MODEL : MEMBER_OF_MODEL;
      return isFreeForm(key) ? contentPlace(key) : MEMBER_OF_MODEL;
    }
    if (role === "element of a prompt") return undefined;
    if (role === "content" || role === "reference") {
      if (key === undefined) return role === "content" ? CONTENT : REFERENCE;
      const folded = foldKey(key);
      return REFERENCES.has(folded) ? REFERENCE : ARGUMENTS.has(folded) ? undefined : contentPlace(key);
    }
    if (role === "prompt") {
      if (key === undefined) return PROMPT_ELEMENT;
      // A stored prompt (OpenAI's `prompt.id`).
      return foldKey(key) === "id" ? REFERENCE : INNER;
    }
    if (key === undefined) return role === "content unless object" ? CONTENT : INNER;
    const member = role === "root" ? this.#watch.memberOf(key, keyStart) : undefined;
    if (role === "root" && key === "prompt") return PROMPT;
    if (namesModel(key) || role === "root" && this.#watch.namesModel(key)) {
      return member === undefined ? MODEL : { role: "model", member };
    }
    if (member !== undefined) return { role: "inner", member };
    if (isFreeForm(key)) return contentPlace(key);
    const folded = foldKey(key);
    if (REFERENCES.has(folded)) return REFERENCE;
    return FREE_FORM_UNLESS_OBJECT.has(folded) ? UNLESS_OBJECT : INNER;
  }

  ended({ role, member }: Place, span: JsonSpan): void {
    if (role === "element of a prompt") {
      const first = this.#bytes[span.start];
      if (first === QUOTE || first === OPEN_BRACKET) this.prompts++;
      return;
    }
    const isModel = role === "model" || role === "member of a model";
    if (!isModel && member === undefined && role !== "reference") return;
    const first = this.#bytes[span.start];
    if (role === "reference") {
      this.refersElsewhere ||= first === QUOTE && !beginsWith(DATA_URL, this.#bytes, span.start + 1);
      return;
    }
    let name: string | undefined;
    if (isModel && first === QUOTE) {
      name = nameOf(this.#bytes.subarray(span.start, span.end));
      this.#push(name);
    } else if (role === "model" && first !== OPEN_BRACE && first !== OPEN_BRACKET && first !== LETTER_N) {
      this.#push("");
    }
    if (member !== undefined) this.#watch.onMember(member, span, name);
  }

  #push(name: string): void {
    this.#models.add(name);
    if (this.#models.size > MAX_MODELS) {
      throw new JsonSyntaxError(`more than ${MAX_MODELS} different names of models`);
    }
  }
}

/** A text as a name. Throws a {@link JsonSyntaxError} for a text that is longer than every name. */
function nameOf(bytes: Uint8Array): string {
  if (bytes.length > MAX_NAME_BYTES) throw new JsonSyntaxError("a name of a model that is too long");
  return shortName(jsonText(bytes));
}

/** Schemas and data of the caller hold no content for the model. */
function contentPlace(key: string): Place | undefined {
  return CONVERSATION.has(foldKey(key)) || !isFreeForm(key) ? CONTENT : undefined;
}

function beginsWith(start: Uint8Array, bytes: Uint8Array, at: number): boolean {
  return start.every((byte, index) => bytes[at + index] === byte);
}

function isFreeForm(key: string): boolean {
  return FREE_FORM.has(foldKey(key));
}
