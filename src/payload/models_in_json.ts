/** Finds every model that a JSON body names, at any depth, and the members that the proxy acts upon. */

import { factsOf, type Operation } from "../apis/operations.ts";
import { FREE_FORM_UNLESS_OBJECT, isFreeForm } from "./body_keys.ts";
import {
  contentKind,
  isOutside,
  isReferenceKey,
  isReferenceType,
  looksLikeMedia,
  looksOutside,
  sawMember,
  type SeenItem,
} from "./content_elsewhere.ts";
import { foldKey } from "./fold_key.ts";
import { chargeOfMember, type HostedTool, hostedTools } from "./hosted_tools.ts";
import { JsonReader, type JsonSpan, JsonSyntaxError, jsonText, type JsonWatcher } from "./json_reader.ts";
import { jsonValue } from "./json_value.ts";
import {
  CACHE_MARK,
  contentPlace,
  freeFormPlace,
  INNER,
  LIFETIME,
  MEMBER_OF_HOSTED_TOOL,
  MEMBER_OF_MODEL,
  MODEL,
  OUTERMOST_MODEL,
  type Place,
  placeOfMember,
  PROMPT,
  PROMPT_ELEMENT,
  REFERENCE,
  type Role,
  ROOT,
  TOOLS,
  TYPE_OF_ITEM,
  UNLESS_OBJECT,
} from "./json_places.ts";
import { MAX_MODELS, MAX_NAME, namesModel, namesResponder, shortName } from "./model_name.ts";
import type { ModelPlace } from "./model_place.ts";
import { type Pause, STEP_BYTES } from "./pace.ts";
import type { CacheWrites } from "./cache_writes.ts";
import { RootMembers } from "./root_members.ts";
import type { WatchedMember } from "./watched_members.ts";

/** The longest escape of a character in JSON, in bytes. */
const LONGEST_ESCAPE = 6;
/** The longest string that can name a model, in bytes, including white space in front. */
const MAX_NAME_BYTES = 2 * (MAX_NAME + 2) * LONGEST_ESCAPE;
/** Up to this number of names, a search through the list costs less than a set. */
const FEW_MODELS = 16;

/** The facts that the proxy found in a JSON body. */
export interface JsonFindings {
  /** Every model that the body names, at any depth. An empty name stands for a name that is not a string. */
  readonly models: readonly string[];
  /** Whether a member of the outermost object names the model that responds. */
  readonly namesModel: boolean;
  /** The place of the outermost `model`. Empty if the body has no such member. */
  readonly places: readonly ModelPlace[];
  /** The watched members of the outermost object. */
  readonly members: ReadonlyMap<WatchedMember, JsonSpan>;
  /** The number of prompts in the outermost `prompt`. 0 if it is not a list of prompts. */
  readonly prompts: number;
  /**
   * Whether the model reads content that is not in the body: an address, a file, an earlier response, a
   * stored prompt or a cache. The body does not show the length of such content.
   */
  readonly refersElsewhere: boolean;
  /** The number of strings in content that look like an image or another file. */
  readonly media: number;
  /** The tools that the provider runs, each name once. */
  readonly hostedTools: readonly HostedTool[];
  /**
   * How long the provider's cache has to keep the content that the body marks. `undefined` if the body marks
   * none.
   */
  readonly cacheWrites: CacheWrites | undefined;
  /** The index of the first key of the outermost object. `undefined` if the object is empty. */
  readonly firstKey: number | undefined;
}

/**
 * Marks of content for the provider's cache, at Anthropic and at Bedrock. Both providers accept them only
 * with these capitals.
 */
const CACHE_MARKS: ReadonlySet<string> = new Set(["cache_control", "cachePoint"]);
const USUAL_LIFETIME = '"5m"';
/** The most hosted tools, and the most members of a tool, that are kept. No API has more. */
const MAX_TOOLS = 50;
const MAX_TOOL_KEYS = 50;
/** The longest type of a tool, in bytes. */
const MAX_TYPE_BYTES = 200;
/** Values that turn nothing on. */
const OFF = /^(?:null|false|\[\s*\]|"(?:off|none|)")$/;
const MAX_OFF_BYTES = 20;
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
  { operation, pause }: { operation: Operation; pause: Pause },
): Promise<JsonFindings> {
  const { watcher, reader } = objectReader(bytes, operation);
  while (!reader.step(STEP_BYTES)) await pause();
  return findings(bytes, watcher);
}

/** Reads a JSON object of at most {@link STEP_BYTES}, as {@link readJsonObject} does, but without a pause. */
export function readShortJsonObject(bytes: Uint8Array, operation: Operation): JsonFindings {
  const { watcher, reader } = objectReader(bytes, operation);
  reader.step(bytes.length);
  return findings(bytes, watcher);
}

function objectReader(
  bytes: Uint8Array,
  operation: Operation,
): { readonly watcher: ModelWatcher; readonly reader: JsonReader<Place> } {
  const watcher = new ModelWatcher(bytes, new RootMembers(factsOf(operation).hasOllamaKeys === true));
  return { watcher, reader: new JsonReader(bytes, watcher) };
}

/** Returns the findings of a watcher that has read an object to its end. */
function findings(bytes: Uint8Array, watcher: ModelWatcher): JsonFindings {
  const { models, namesModel, prompts, refersElsewhere, media, hostedTools, cacheWrites } = watcher;
  const { places, members, firstKey } = watcher.outermost;
  if (firstKey === undefined && !EMPTY_OBJECT.test(new TextDecoder().decode(bytes.subarray(0, STEP_BYTES)))) {
    throw new JsonSyntaxError("a value that is not an object");
  }
  return {
    models,
    namesModel,
    places,
    members,
    prompts,
    refersElsewhere,
    media,
    hostedTools,
    cacheWrites,
    firstKey,
  };
}

const EMPTY_OBJECT = /^\s*\{\s*\}\s*$/;

/** Returns the models that a JSON Lines file names. Throws a {@link JsonSyntaxError} for malformed JSON. */
export async function modelsInLines(
  bytes: Uint8Array,
  { pause }: { pause: Pause },
): Promise<readonly string[]> {
  const watcher = new ModelWatcher(bytes, undefined);
  const reader = new JsonReader(bytes, watcher, { isSequence: true });
  while (!reader.step(STEP_BYTES)) await pause();
  return watcher.models;
}

const NO_TOOLS: readonly HostedTool[] = [];

/** Collects every model that a body names. */
class ModelWatcher implements JsonWatcher<Place> {
  readonly root = ROOT;
  /** The names, each once. Only for a body with many names, there is also a set. */
  readonly models: string[] = [];
  #known: Set<string> | undefined;
  /** Whether a member of the outermost object names the model that responds. */
  namesModel = false;
  /** Whether the reader is within such a member. */
  #isWithinModel = false;
  prompts = 0;
  refersElsewhere = false;
  media = 0;
  cacheWrites: CacheWrites | undefined;
  #hosted: Map<string, HostedTool> | undefined;
  readonly #bytes: Uint8Array;
  readonly #watch: RootMembers | undefined;

  /** `watch` gets the members of the outermost object. `undefined` if they are not needed. */
  constructor(bytes: Uint8Array, watch: RootMembers | undefined) {
    this.#bytes = bytes;
    this.#watch = watch;
  }

  /** The members of the outermost object. */
  get outermost(): Pick<RootMembers, "members" | "places" | "firstKey"> {
    return this.#watch ?? new RootMembers(false);
  }

  /** The hosted tools, each name once. */
  get hostedTools(): readonly HostedTool[] {
    return this.#hosted === undefined ? NO_TOOLS : [...this.#hosted.values()];
  }

  enter({ role, item, tool }: Place, key: string | undefined, keyStart: number): Place | undefined {
    if (role === "root" && key !== undefined) this.#isWithinModel = namesResponder(key);
    if (role === "cache mark") return key === "ttl" ? LIFETIME : undefined;
    if (key !== undefined && CACHE_MARKS.has(key)) {
      if (role === "root") this.#watch?.memberOf(key, keyStart);
      return CACHE_MARK;
    }
    if (role === "tools" && key === undefined) {
      return { role: "tool", member: undefined, tool: { types: [], keys: new Set() } };
    }
    if (tool !== undefined && role === "tool" && key !== undefined) {
      if (foldKey(key) === "type") return { role: "type of a tool", member: undefined, tool };
      if (tool.keys.size < MAX_TOOL_KEYS) tool.keys.add(key);
      else throw new JsonSyntaxError(`a tool with more than ${MAX_TOOL_KEYS} members`);
    }
    if (role === "model" || role === "member of a model") {
      // Every string inside a model counts as a name, except strings in a conversation.
      if (key === undefined) return role === "model" ? MODEL : MEMBER_OF_MODEL;
      return isFreeForm(key) ? freeFormPlace(key) : MEMBER_OF_MODEL;
    }
    if (role === "element of a prompt") return undefined;
    if (role === "content" || role === "text" || role === "reference") {
      if (key === undefined) return role === "reference" ? REFERENCE : contentPlace(role);
      return this.#memberOfContent(role, key, item);
    }
    if (role === "prompt") {
      if (key === undefined) return PROMPT_ELEMENT;
      // `prompt.id` is a stored prompt of OpenAI.
      return foldKey(key) === "id" ? REFERENCE : INNER;
    }
    const inner = role === "hosted tool" || role === "member of a hosted tool"
      ? MEMBER_OF_HOSTED_TOOL
      : INNER;
    if (key === undefined) return role === "content unless object" ? contentPlace("text") : inner;
    // The engine of a plugin of OpenRouter is a search engine or a reader of files, and no model. But an
    // object in its place can name one.
    if (inner === MEMBER_OF_HOSTED_TOOL && foldKey(key) === "engine") return inner;
    const member = role === "root" ? this.#watch?.memberOf(key, keyStart) : undefined;
    if (role === "root" && key === "prompt") return PROMPT;
    const charge = role === "root" ? chargeOfMember(key) : undefined;
    if (charge !== undefined) {
      return { role: "hosted tool", member: undefined, hosted: { name: key, charge } };
    }
    if (foldKey(key) === "tools") return TOOLS;
    if (namesModel(key) || role === "root" && this.#watch?.namesModel(key) === true) {
      return member === undefined ? MODEL : member === "model" ? OUTERMOST_MODEL : { role: "model", member };
    }
    if (member !== undefined) return placeOfMember(member);
    if (isFreeForm(key)) return freeFormPlace(key);
    if (isReferenceKey(key)) return REFERENCE;
    return FREE_FORM_UNLESS_OBJECT.has(foldKey(key)) ? UNLESS_OBJECT : inner;
  }

  /**
   * Returns the place of a member of content. Inside a reference, everything is a reference, except words and
   * text.
   */
  #memberOfContent(
    role: "content" | "text" | "reference",
    key: string,
    item: SeenItem | undefined,
  ): Place | undefined {
    const kind = contentKind(key);
    if (item !== undefined) sawMember(item, kind);
    switch (kind) {
      case "text":
        return contentPlace("text");
      case "type":
        return role === "reference" ? undefined : TYPE_OF_ITEM;
      case "data":
      case "word":
        return undefined;
      case "id":
        return role === "reference" || item?.isAudio === true ? REFERENCE : undefined;
      case "reference":
        return REFERENCE;
      case "unknown":
        if (role === "reference") return REFERENCE;
        return foldKey(key) === "tools" ? TOOLS : contentPlace("content", key);
      default:
        kind satisfies never;
        throw new TypeError("Unknown kind of content");
    }
  }

  /** Handles the end of a value in content. */
  #endedContent(role: Role, item: SeenItem | undefined, { start, end }: JsonSpan): void {
    const first = this.#bytes[start];
    if (first === QUOTE && looksLikeMedia(this.#bytes, start, end)) this.media++;
    if (this.refersElsewhere) return;
    if (first === OPEN_BRACE) this.refersElsewhere = item?.hasId === true && !item.hasContent;
    if (first !== QUOTE) return;
    if (role === "reference") this.refersElsewhere = isOutside(this.#bytes, start, end);
    else if (role === "content") this.refersElsewhere = looksOutside(this.#bytes, start, end);
    else if (role === "type of an item") this.refersElsewhere = isReferenceType(this.#bytes, start, end);
  }

  ended({ role, member, item, tool, hosted }: Place, span: JsonSpan): void {
    if (item !== undefined || role === "reference" || role === "type of an item") {
      return this.#endedContent(role, item, span);
    }
    if (role === "cache mark" || role === "lifetime in a cache") return this.#endedMark(role, span);
    if (tool !== undefined) return this.#endedTool(role, tool, span);
    if (hosted !== undefined) {
      const text = span.end - span.start > MAX_OFF_BYTES ? "" : this.#textOf(span);
      if (!OFF.test(text)) this.#addTool(hosted);
      return;
    }
    if (role === "element of a prompt") {
      const first = this.#bytes[span.start];
      if (first === QUOTE || first === OPEN_BRACKET) this.prompts++;
      return;
    }
    const isModel = role === "model" || role === "member of a model";
    if (!isModel && member === undefined) return;
    const first = this.#bytes[span.start];
    let name: string | undefined;
    if (isModel && first === QUOTE) {
      name = nameOf(this.#bytes, span);
      this.#push(name);
      if (this.#isWithinModel && name !== "") this.namesModel = true;
    } else if (role === "model" && first !== OPEN_BRACE && first !== OPEN_BRACKET && first !== LETTER_N) {
      this.#push("");
    }
    if (member !== undefined) this.#watch?.onMember(member, span, name);
  }

  /**
   * Handles the end of a mark for the cache, or of its lifetime. An unknown lifetime counts as the longest
   * one.
   */
  #endedMark(role: "cache mark" | "lifetime in a cache", span: JsonSpan): void {
    if (this.#bytes[span.start] === LETTER_N) return;
    if (role === "cache mark") this.cacheWrites ??= "minutes";
    else if (span.end - span.start > MAX_TYPE_BYTES || this.#textOf(span) !== USUAL_LIFETIME) {
      this.cacheWrites = "hour";
    }
  }

  /** Handles the end of a tool, or of the type of a tool. */
  #endedTool(role: Role, tool: NonNullable<Place["tool"]>, span: JsonSpan): void {
    const first = this.#bytes[span.start];
    if (role === "tool" && first === OPEN_BRACE) {
      for (const hosted of hostedTools(tool)) this.#addTool(hosted);
    } else if (first === QUOTE && span.end - span.start <= MAX_TYPE_BYTES) {
      const name = jsonText(this.#bytes.subarray(span.start, span.end));
      if (role === "type of a tool" && tool.types.length < MAX_TOOL_KEYS) tool.types.push(name);
      else this.#addTool({ name, charge: "unknown" });
    } else if (first !== LETTER_N) this.#addTool({ name: "tools", charge: "unknown" });
  }

  #addTool(tool: HostedTool): void {
    this.#hosted ??= new Map();
    if (this.#hosted.size < MAX_TOOLS) this.#hosted.set(tool.name, tool);
    else throw new JsonSyntaxError(`more than ${MAX_TOOLS} tools that the provider runs`);
  }

  #textOf({ start, end }: JsonSpan): string {
    return new TextDecoder().decode(this.#bytes.subarray(start, end));
  }

  #push(name: string): void {
    const { models } = this;
    if (this.#known === undefined) {
      if (models.includes(name)) return;
      models.push(name);
      if (models.length > FEW_MODELS) this.#known = new Set(models);
      return;
    }
    if (this.#known.has(name)) return;
    this.#known.add(name);
    models.push(name);
    if (models.length > MAX_MODELS) {
      throw new JsonSyntaxError(`more than ${MAX_MODELS} different names of models`);
    }
  }
}

/** Returns the name of a model in a JSON string. Throws a {@link JsonSyntaxError} if it is too long. */
function nameOf(bytes: Uint8Array, { start, end }: JsonSpan): string {
  if (end - start > MAX_NAME_BYTES) throw new JsonSyntaxError("a name of a model that is too long");
  const value = jsonValue(bytes, start, end);
  return shortName(typeof value === "string" ? value : "");
}
