/** Reads what an answer says of an object that can be looked at again, and the lines of a batch's results. */

import { MAX_OBJECT_ID, type ObjectKind } from "./object_paths.ts";
import { ReportedUsage } from "./reported_usage.ts";
import { sumOf, type Usage } from "./usage.ts";
import type { Selection } from "../payload/json_selection.ts";

/** How far an object is. */
export type ObjectState =
  | "pending"
  /** It is over, and has what was asked for, or a part of it. */
  | "done"
  /** It failed, was stopped or ran out of time. */
  | "failed";

/** What a batch used of one model. */
export interface BatchPart {
  readonly model: string | undefined;
  readonly usage: Usage;
}

/** What an answer said of an object; what it did not say is undefined. */
export interface SeenObject {
  readonly id: string | undefined;
  readonly state: ObjectState | undefined;
  /** It is made to its end even if nobody waits for it. */
  readonly isBackground: boolean;
  /** The file that holds the results of a batch. */
  readonly resultsId: string | undefined;
  /** Of a list of batches: those whose results are in a file. */
  readonly listed: readonly { readonly id: string; readonly resultsId: string }[];
  /** Of the results of a batch: what was used of each model. */
  readonly parts: readonly BatchPart[];
}

const LINE = { body: { model: true, usage: true }, usageMetadata: true, modelVersion: true } as const;
const GEMINI_OUTPUT = {
  responsesFile: true,
  inlinedResponses: { inlinedResponses: { "*": { response: LINE } } },
} as const;
/** What is wanted of answers about responses, interactions and runs, besides what is wanted of all. */
export const OBJECT_SELECTION = {
  id: true,
  status: true,
  background: true,
  // Events of OpenAI's responses, and of Gemini's interactions.
  response: { id: true, status: true, background: true },
  interaction: { id: true, status: true },
} as const satisfies Selection;
/** The same of answers about batches. */
export const BATCH_SELECTION = {
  id: true,
  name: true,
  status: true,
  processing_status: true,
  output_file_id: true,
  output_file: true,
  // Gemini's (`batchJobFromMldev` of `@google/genai`).
  metadata: { state: true, output: GEMINI_OUTPUT },
  // Lines of results.
  response: { responsesFile: true, ...LINE },
  // Lines of Anthropic's results.
  result: { message: { model: true, usage: true } },
  // Mistral's results within its batch.
  outputs: { "*": { response: LINE } },
  // Lists of batches, the second one Gemini's.
  data: { "*": { id: true, output_file_id: true, output_file: true } },
  operations: { "*": { name: true, metadata: { output: { responsesFile: true } } } },
} as const satisfies Selection;

/** By the types of the SDKs of OpenAI, Anthropic, Google, Mistral and Groq. Any other state is one that goes on. */
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
/** More than a list holds. */
const MAX_LISTED = 1_000;
/** More models than a batch has. */
const MAX_MODELS = 50;
const MAX_TEXT = 200;
/** What Gemini puts before the ids of its batches and files. */
const COLLECTION = /^(?:batches|files)\//;

/** Watches one answer. */
export class ObjectReader {
  readonly #kind: ObjectKind;
  #id: string | undefined;
  #state: ObjectState | undefined;
  #isBackground = false;
  #resultsId: string | undefined;
  /** The text that is being read is the object, and no other of a stream's. */
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

  /** What has been seen so far. */
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

  /** It exists and goes on. */
  get isPending(): boolean {
    return this.#state === "pending" && this.#id !== undefined;
  }

  get id(): string | undefined {
    return this.#id;
  }

  get isBackground(): boolean {
    return this.#isBackground;
  }

  /** A text has ended: a line of results, or an event. */
  textEnded(): void {
    this.#endLine();
    this.#isOwn = this.#kind !== "run";
  }

  /** Takes a value; false where it is for others too. */
  found(path: string, value: unknown): boolean {
    switch (path) {
      case "id":
      case "response.id":
      case "interaction.id":
        this.#foundId(value);
        return true;
      case "name":
        // Of Gemini's batches; other objects may have names as well.
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
        // OpenAI's metadata are the client's own.
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
    // The stream of a run also tells of its thread, steps and messages.
    if (this.#kind === "run") this.#isOwn = typeof value === "string" && value.startsWith("run");
    if (this.#isOwn) this.#id ??= idOf(value);
  }

  #foundState(value: unknown): void {
    if (typeof value !== "string" || !this.#isOwn) return;
    const state = value.toLowerCase().replace(STATE_PREFIX, "");
    // What comes next in an interaction is another one.
    const isTurn = this.#kind === "interaction" && state === "requires_action";
    this.#state = isTurn ? "done" : STATES.get(state) ?? "pending";
  }

  #foundLineModel(value: unknown): void {
    if (typeof value !== "string" || value === "" || value.length > MAX_TEXT) return;
    this.#lineModel = value;
    // Gemini's come behind their usage.
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
