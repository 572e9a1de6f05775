/** Reads the state of an object from a response, and the lines of a batch's results. */

import type { ObjectKind } from "../../apis/operations.ts";
import { MAX_OBJECT_ID } from "./object_paths.ts";
import { ReportedUsage } from "../usage/reported_usage.ts";
import { sumOf, type Usage } from "../usage/usage.ts";
import type { Selection } from "../../payload/json_selection.ts";

/** The state of an object: whether it is over, and how it ended. */
export type ObjectState =
  /** The object is not over. */
  | "pending"
  /** The object is over, and has its result or a part of it. */
  | "done"
  /** The object failed, was cancelled or expired. */
  | "failed";

/** The usage of one model in a batch. */
export interface BatchPart {
  readonly model: string | undefined;
  readonly usage: Usage;
}

/** The facts about an object in a response. A value is `undefined` if the response does not have it. */
export interface SeenObject {
  readonly id: string | undefined;
  readonly state: ObjectState | undefined;
  /** Whether the object continues in the background, even if no client waits for it. */
  readonly isBackground: boolean;
  /** The id of the file with the results of a batch. */
  readonly resultsId: string | undefined;
  /** The batches in a list whose results are in a file. */
  readonly listed: readonly { readonly id: string; readonly resultsId: string }[];
  /** The usage of each model in the results of a batch. */
  readonly parts: readonly BatchPart[];
}

const LINE = { body: { model: true, usage: true }, usageMetadata: true, modelVersion: true } as const;
const GEMINI_OUTPUT = {
  responsesFile: true,
  inlinedResponses: { inlinedResponses: { "*": { response: LINE } } },
} as const;
/**
 * The values to select from responses about responses, interactions and runs. They are added to those of all
 * responses.
 */
export const OBJECT_SELECTION = {
  id: true,
  status: true,
  background: true,
  // Events of OpenAI's responses and of Gemini's interactions.
  response: { id: true, status: true, background: true },
  interaction: { id: true, status: true },
} as const satisfies Selection;
/** The values to select from responses about batches. */
export const BATCH_SELECTION = {
  id: true,
  name: true,
  status: true,
  processing_status: true,
  output_file_id: true,
  output_file: true,
  // Gemini's batches (`batchJobFromMldev` of `@google/genai`).
  metadata: { state: true, output: GEMINI_OUTPUT },
  // Lines of results.
  response: { responsesFile: true, ...LINE },
  // Lines of Anthropic's results.
  result: { message: { model: true, usage: true } },
  // Mistral's results within its batch.
  outputs: { "*": { response: LINE } },
  // Lists of batches. `operations` is Gemini's list.
  data: { "*": { id: true, output_file_id: true, output_file: true } },
  operations: { "*": { name: true, metadata: { output: { responsesFile: true } } } },
} as const satisfies Selection;

/** The states in the SDKs of OpenAI, Anthropic, Google, Mistral and Groq. Every other state means pending. */
const STATES: ReadonlyMap<string, ObjectState> = new Map([
  ["completed", "done"],
  ["incomplete", "done"],
  ["ended", "done"],
  ["success", "done"],
  ["succeeded", "done"],
  ["partially_succeeded", "done"],
  ["failed", "failed"],
  ["cancelled", "failed"],
  ["canceled", "failed"],
  ["expired", "failed"],
  ["timeout_exceeded", "failed"],
]);
const STATE_PREFIX = /^(?:batch|job)_state_/;
/** The most batches that are read from a list. */
const MAX_LISTED = 1_000;
/** The most models that are counted separately in a batch. */
const MAX_MODELS = 50;
/** The longest name of a model, in characters. */
const MAX_TEXT = 200;
/** Gemini's prefix of the ids of batches and files. */
const COLLECTION = /^(?:batches|files)\//;

/** Reads the facts about an object from one response. */
export class ObjectReader {
  readonly #kind: ObjectKind;
  #id: string | undefined;
  #state: ObjectState | undefined;
  #isBackground = false;
  #resultsId: string | undefined;
  /** Whether the current JSON text is about the object. A stream may also have texts about other objects. */
  #isOwn: boolean;
  #lineModel: string | undefined;
  #lineUsage: Usage | undefined;
  #listedId: string | undefined;
  readonly #listed: { id: string; resultsId: string }[] = [];
  readonly #parts = new Map<string | undefined, Usage>();

  constructor(kind: ObjectKind) {
    this.#kind = kind;
    this.#isOwn = kind !== "run";
  }

  /** The facts about the object in the part of the response that has arrived. */
  get seen(): SeenObject {
    this.#endLine();
    return {
      id: this.#id,
      state: this.#state,
      isBackground: this.#isBackground,
      resultsId: this.#resultsId,
      listed: this.#listed,
      parts: [...this.#parts].map(([model, usage]) => ({ model, usage })),
    };
  }

  /** Whether the object exists and is not over. */
  get isPending(): boolean {
    return this.#state === "pending" && this.#id !== undefined;
  }

  /** The id of the object. `undefined` until the response shows it. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Whether the response says that the object is generated in the background. */
  get isBackground(): boolean {
    return this.#isBackground;
  }

  /** Call it at the end of a JSON text: a line of results, or an event. */
  textEnded(): void {
    this.#endLine();
    this.#isOwn = this.#kind !== "run";
  }

  /** Receives a selected value. Returns `false` if other readers need the value too. */
  found(path: string, value: unknown): boolean {
    switch (path) {
      case "id":
      case "response.id":
      case "interaction.id":
        this.#foundId(value);
        return true;
      case "name":
        // The name of one of Gemini's batches is its id. Other objects may also have names.
        if (typeof value === "string" && value.startsWith("batches/")) this.#foundId(value);
        return true;
      case "background":
      case "response.background":
        this.#isBackground ||= value === true;
        return true;
      case "status":
      case "response.status":
      case "interaction.status":
        this.#foundState(value);
        return false;
      case "processing_status":
        this.#foundState(value);
        return true;
      case "metadata.state":
        // The metadata of OpenAI's objects are data of the client, so they have no state.
        if (this.#state === undefined) this.#foundState(value);
        return true;
      case "output_file_id":
      case "output_file":
      case "metadata.output.responsesFile":
      case "response.responsesFile":
        this.#resultsId = idOf(value) ?? this.#resultsId;
        return true;
      case "data.*.id":
      case "operations.*.name":
        this.#listedId = idOf(value);
        return true;
      case "data.*.output_file_id":
      case "data.*.output_file":
      case "operations.*.metadata.output.responsesFile": {
        const resultsId = idOf(value);
        if (this.#listedId === undefined || resultsId === undefined) return true;
        if (this.#listed.length < MAX_LISTED) this.#listed.push({ id: this.#listedId, resultsId });
        return true;
      }
      case "result.message.model":
        this.#foundLineModel(value);
        return false;
      case "result.message.usage":
        this.#foundLineUsage(value);
        return false;
    }
    if (path.endsWith("response.body.model") || path.endsWith("response.modelVersion")) {
      this.#foundLineModel(value);
      return true;
    }
    if (path.endsWith("response.body.usage") || path.endsWith("response.usageMetadata")) {
      this.#foundLineUsage(value);
      return true;
    }
    return false;
  }

  #foundId(value: unknown): void {
    // The stream of a run also has events about its thread, steps and messages.
    if (this.#kind === "run") this.#isOwn = typeof value === "string" && value.startsWith("run");
    if (this.#isOwn) this.#id ??= idOf(value);
  }

  #foundState(value: unknown): void {
    if (typeof value !== "string" || !this.#isOwn) return;
    const state = value.toLowerCase().replace(STATE_PREFIX, "");
    // The next turn of an interaction is a new interaction, so this one is over.
    const isTurn = this.#kind === "interaction" && state === "requires_action";
    this.#state = isTurn ? "done" : STATES.get(state) ?? "pending";
  }

  #foundLineModel(value: unknown): void {
    if (typeof value !== "string" || value === "" || value.length > MAX_TEXT) return;
    this.#lineModel = value;
    // In Gemini's results, the model comes after the usage.
    if (this.#lineUsage !== undefined) this.#endLine();
  }

  #foundLineUsage(value: unknown): void {
    const reported = new ReportedUsage();
    reported.add(value);
    if (this.#lineUsage !== undefined) this.#endLine();
    this.#lineUsage = reported.usage();
    if (this.#lineModel !== undefined) this.#endLine();
  }

  #endLine(): void {
    const usage = this.#lineUsage;
    if (usage !== undefined) {
      const isNew = !this.#parts.has(this.#lineModel);
      const model = isNew && this.#parts.size >= MAX_MODELS ? undefined : this.#lineModel;
      this.#parts.set(model, sumOf(this.#parts.get(model) ?? {}, usage));
    }
    this.#lineModel = undefined;
    this.#lineUsage = undefined;
  }
}

function idOf(value: unknown): string | undefined {
  if (typeof value !== "string") return undefined;
  const id = value.replace(COLLECTION, "");
  return id === "" || id.length > MAX_OBJECT_ID ? undefined : id;
}
