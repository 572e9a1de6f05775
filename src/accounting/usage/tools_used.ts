/** Counts calls of the provider's tools that a response shows, but not in its usage. */

import { sumOf, type Usage, type UsageDraft } from "./usage.ts";

/** The values to select, which show calls of tools. */
export const TOOLS_SELECTION = {
  // OpenAI's responses (`ResponseOutputItem` of `openai`).
  output: { "*": { type: true, action: { type: true } } },
  // The items of a stream. Several events show each item, and the last event of the stream repeats all items.
  item: { id: true, type: true, action: { type: true } },
  // Anthropic's streams report the searches in their usage, which is in their last event.
  content_block: { type: true, name: true },
  // Gemini's grounding.
  groundingMetadata: { webSearchQueries: { "*": true } },
  // Mistral's OCR, whose price is per page.
  usage_info: { pages_processed: true },
} as const;

/** The most different queries that are counted. */
const MAX_QUERIES = 100;
/** The most searches that a stream can show before its end. */
const MAX_ITEMS = 1_000;
/** The items of calls whose results the model reads (`ResponseOutputItem` of `openai`). */
const HOSTED_CALL = /^(?:web_search|file_search|code_interpreter|mcp)_call$/;

/** The calls of tools in one response. */
export class ToolsUsed {
  #webSearches = 0;
  #fileSearches = 0;
  #unpricedUnits = 0;
  #itemId: unknown;
  #blockType: unknown;
  /**
   * The searches that a stream shows before its end, by the ids of their items or by their number.
   * `undefined` before the first search.
   */
  #webItems: Set<unknown> | undefined;
  #fileItems: Set<unknown> | undefined;
  #hasCalls = false;
  /** Gemini's search queries. Later events of a stream repeat them. `undefined` before the first query. */
  #queries: Set<string> | undefined;

  /**
   * Whether a stream shows a call of a hosted tool. The model reads the result of the call, but the stream
   * does not show it.
   */
  get hasCalls(): boolean {
    return this.#hasCalls;
  }

  /** Receives a selected value. Returns whether the value described a tool. */
  found(path: string, value: unknown): boolean {
    switch (path) {
      case "output.*.action.type":
      case "response.output.*.action.type":
        // Only searches are billed. The pages that are opened afterwards are not.
        if (value === "search") this.#webSearches++;
        return true;
      case "item.id":
        this.#itemId = value;
        return true;
      case "item.action.type":
        if (value === "search") this.#webItems = withItem(this.#webItems, this.#itemId);
        return true;
      case "item.type":
        if (value === "file_search_call") this.#fileItems = withItem(this.#fileItems, this.#itemId);
        this.#hasCalls ||= typeof value === "string" && HOSTED_CALL.test(value);
        return true;
      case "content_block.type":
        this.#blockType = value;
        this.#hasCalls ||= value === "server_tool_use" || value === "mcp_tool_use";
        return true;
      case "content_block.name":
        if (this.#blockType === "server_tool_use" && value === "web_search") {
          this.#webItems = withItem(this.#webItems, this.#webItems?.size ?? 0);
        }
        return true;
      case "output.*.type":
      case "response.output.*.type":
        if (value === "file_search_call") this.#fileSearches++;
        else if (value === "code_interpreter_call" || value === "image_generation_call") {
          this.#unpricedUnits++;
        }
        return true;
      case "candidates.*.groundingMetadata.webSearchQueries.*":
        if (typeof value !== "string" || value === "") return true;
        this.#queries ??= new Set();
        if (this.#queries.size < MAX_QUERIES) this.#queries.add(value);
        return true;
      case "usage_info.pages_processed":
        if (typeof value === "number" && value >= 0) this.#unpricedUnits += value;
        return true;
      default:
        return false;
    }
  }

  /**
   * Returns the reported usage with the calls of tools that it does not include. `model` is the model of the
   * response.
   */
  with(reported: Usage, model: string | undefined): Usage {
    if (this.#isUnused()) return reported;
    // Gemini's older models bill each prompt that searches, and the newer ones each search
    // (https://ai.google.dev/gemini-api/docs/google-search).
    const most = /^gemini-[12]\b/.test(model ?? "") ? 1 : Infinity;
    const counts = {
      webSearches: Math.max(this.#webSearches, this.#webItems?.size ?? 0) +
        Math.min(most, this.#queries?.size ?? 0),
      fileSearches: Math.max(this.#fileSearches, this.#fileItems?.size ?? 0),
      unpricedUnits: this.#unpricedUnits,
    };
    const used: UsageDraft = {};
    let kind: keyof typeof counts;
    for (kind in counts) if (counts[kind] > 0 && reported[kind] === undefined) used[kind] = counts[kind];
    return sumOf(reported, used);
  }

  #isUnused(): boolean {
    return this.#webSearches + this.#fileSearches + this.#unpricedUnits === 0 &&
      this.#queries === undefined &&
      this.#webItems === undefined && this.#fileItems === undefined;
  }
}

function withItem(items: Set<unknown> = new Set(), id: unknown): Set<unknown> {
  if (items.size < MAX_ITEMS) items.add(id);
  return items;
}
