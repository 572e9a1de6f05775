/** Finds every model that a JSON body names, at any depth, and the members that the proxy acts upon. */

import { ARGUMENTS, CONVERSATION, FREE_FORM_UNLESS_OBJECT, isFreeForm, REFERENCES } from "./body_keys.ts";
import { foldKey } from "./fold_key.ts";
import { JsonReader, type JsonSpan, JsonSyntaxError, jsonText, type JsonWatcher } from "./json_reader.ts";
import { MAX_NAME, namesModel, shortName } from "./model_name.ts";
import type { ModelPlace } from "./model_place.ts";
import { type Pause, STEP_BYTES } from "./pace.ts";
import { type WatchedMember, watchedMember } from "./watched_members.ts";

/** The longest escape of a character in JSON, in bytes. */
const LONGEST_ESCAPE = 6;
/** A longer string names no model, even with white space in front. */
const MAX_NAME_BYTES = 2 * (MAX_NAME + 2) * LONGEST_ESCAPE;
/** The highest number of different models in a body. Each is compared with every rule. */
const MAX_MODELS = 1_000;

/** What the proxy found in a JSON body. */
export interface JsonFindings {
  /** Every model that the body names, at any depth. An empty name stands for a name that is not a string. */
  readonly models: readonly string[];
  /** The place of the outermost `model`. Empty without one. */
  readonly places: readonly ModelPlace[];
  /** The watched members of the outermost object. */
  readonly members: ReadonlyMap<WatchedMember, JsonSpan>;
  /** The number of prompts in the outermost `prompt`. 0 if it is not a list of prompts. */
  readonly prompts: number;
  /**
   * Whether the model reads content outside of the body: an address, a file, an earlier response, a stored
   * prompt or a cache. The body does not show the length of such content.
   */
  readonly refersElsewhere: boolean;
  /** The index of the first key of the outermost object. Undefined: the object is empty. */
  readonly firstKey: number | undefined;
}

/** Ollama's native API names models by other keys at these paths (its docs/api.md). */
const OLLAMA_PATH = /\/api\/(?:create|copy|show|pull|push|delete)\/?$/;
const OLLAMA_KEYS: ReadonlySet<string> = new Set(["name", "from", "source", "destination"]);

/** The beginning of a data URL. */
const DATA_URL = new TextEncoder().encode("data:");

/** What a value is, which decides what its members can be. */
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
/** A list of strings, or of lists of tokens, has several prompts. A list of numbers is one prompt. */
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
 * Reads a JSON object. Awaits `pause` between steps of a long object. Throws a {@link JsonSyntaxError} for
 * malformed JSON, for a value that is not an object, and for a watched member that is repeated or has other
 * capitals.
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
      const watched = watchedMember(key);
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

/** The models that a JSON Lines file names. Throws a {@link JsonSyntaxError} for malformed JSON. */
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

/** What a {@link ModelWatcher} reports of the outermost object. */
interface RootWatch {
  /** Whether a key of the outermost object names a model at this path. */
  readonly namesModel: (key: string) => boolean;
  readonly memberOf: (key: string, keyStart: number) => WatchedMember | undefined;
  /** A watched member has ended. `name` is its value if it is a string that names a model. */
  readonly onMember: (member: WatchedMember, span: JsonSpan, name: string | undefined) => void;
}

/** Collects every model that a body names. */
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

  /** The names, each once. */
  get models(): readonly string[] {
    return [...this.#models];
  }

  enter({ role }: Place, key: string | undefined, keyStart: number): Place | undefined {
    if (role === "model" || role === "member of a model") {
      // Every string inside of a model counts as a name, except in conversation.
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

/** A JSON string as the name of a model. Throws a {@link JsonSyntaxError} if it is too long. */
function nameOf(bytes: Uint8Array): string {
  if (bytes.length > MAX_NAME_BYTES) throw new JsonSyntaxError("a name of a model that is too long");
  return shortName(jsonText(bytes));
}

/** How to watch a member of content. Schemas and data of the client are not content for the model. */
function contentPlace(key: string): Place | undefined {
  return CONVERSATION.has(foldKey(key)) || !isFreeForm(key) ? CONTENT : undefined;
}

function beginsWith(start: Uint8Array, bytes: Uint8Array, at: number): boolean {
  return start.every((byte, index) => bytes[at + index] === byte);
}
