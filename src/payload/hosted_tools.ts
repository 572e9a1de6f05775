/**
 * Recognises tools that the provider runs (hosted tools), such as its web search. Every tool that is not a
 * function of the client is a hosted tool. Its work costs more than the tokens of the body show.
 */

import { foldKey } from "./fold_key.ts";

/** The cost of a hosted tool besides the tokens that it reads and generates. */
export type ToolCharge =
  /** Nothing: only the tokens are billed. */
  | "tokens"
  | "web searches"
  | "file searches"
  /** Work without a price that the proxy knows, such as an image or a container. */
  | "unknown";

/** A tool that the provider runs. */
export interface HostedTool {
  /** The name in the body: the type of the tool, or the key that switches it on. */
  readonly name: string;
  readonly charge: ToolCharge;
}

/** Types of tools that the client runs, by the API references of OpenAI and Anthropic. */
const CLIENT_TYPES =
  /^(?:function|custom|local_shell|shell|apply_patch|computer|computer_use|computer_use_preview|namespace|tool_search|(?:bash|text_editor|computer|memory|tool_search_tool_[a-z\d]+)_\d{8})$/;
/** A tool of the type `shell` that has this member runs in a container of the provider (OpenAI). */
const SHELL_ENVIRONMENT = "environment";
/**
 * Members of tools without a type, by the API references of Anthropic, Gemini, Bedrock, Cohere and Ollama. A
 * tool that has only other members is a hosted tool.
 */
const CLIENT_KEYS: ReadonlySet<string> = new Set([
  "name",
  "description",
  "function",
  "input_schema",
  "input_examples",
  "parameters",
  "parameter_definitions",
  "strict",
  "cache_control",
  "defer_loading",
  "allowed_callers",
  "eager_input_streaming",
  "functiondeclarations",
  "function_declarations",
  "computeruse",
  "computer_use",
  "toolspec",
  "cachepoint",
]);
/** The members that make a tool without a type a function of the client. */
const FUNCTION_KEYS: readonly string[] = ["input_schema", "parameter_definitions", "function"];

const WEB_SEARCH = /^(?:openrouter:)?web_search(?:_preview)?(?:_\d{4}_?\d{2}_?\d{2})?$/;
/**
 * Tools without a price per call. For executed code, Gemini bills only the tokens, but other providers do
 * not.
 */
const TOKENS_ALONE = /^(?:mcp|mcp_toolset|web_fetch(?:_\d{8})?|advisor_\d{8})$/;
const CHARGE_OF_KEY: ReadonlyMap<string, ToolCharge> = new Map([
  ["googlesearch", "web searches"],
  ["googlesearchretrieval", "web searches"],
  ["urlcontext", "tokens"],
  ["codeexecution", "tokens"],
  ["filesearch", "tokens"],
]);

/** Members of the outermost object that switch a hosted tool on, in folded form. */
const MEMBERS: ReadonlyMap<string, ToolCharge> = new Map([
  // The member of OpenAI's chat completions, and of OpenRouter.
  ["web_search_options", "web searches"],
  ["plugins", "unknown"],
  // The members of xAI, Qwen, Cohere and Groq.
  ["search_parameters", "unknown"],
  ["enable_search", "unknown"],
  ["connectors", "unknown"],
  ["compound_custom", "unknown"],
  // The members of Anthropic and Azure.
  ["mcp_servers", "tokens"],
  ["data_sources", "tokens"],
]);

/**
 * Returns what a member of the outermost object charges for. It charges only if its value is neither empty
 * nor off.
 */
export function chargeOfMember(key: string): ToolCharge | undefined {
  return MEMBERS.get(foldKey(key));
}

/**
 * Returns the hosted tools in one element of a list of tools. If `type` is repeated, each of its values
 * counts.
 */
export function hostedTools(
  { types, keys }: { readonly types: readonly string[]; readonly keys: ReadonlySet<string> },
): readonly HostedTool[] {
  const folded = [...keys].map(foldKey);
  const byType = types.filter((type) =>
    !CLIENT_TYPES.test(type) || type === "shell" && folded.includes(SHELL_ENVIRONMENT)
  ).map((name): HostedTool => ({ name, charge: chargeOfType(name) }));
  const switched = [...keys].filter((key) => CHARGE_OF_KEY.has(withoutSeparators(key)));
  const isFunction = types.length > 0 || FUNCTION_KEYS.some((key) => folded.includes(key));
  const others = isFunction ? switched : [...keys].filter((key) => !CLIENT_KEYS.has(foldKey(key)));
  const byKey = [...new Set([...switched, ...others])].map((name): HostedTool => ({
    name,
    charge: CHARGE_OF_KEY.get(withoutSeparators(name)) ?? "unknown",
  }));
  return [...byType, ...byKey];
}

function chargeOfType(type: string): ToolCharge {
  if (WEB_SEARCH.test(type)) return "web searches";
  if (type === "file_search") return "file searches";
  return TOKENS_ALONE.test(type) ? "tokens" : "unknown";
}

function withoutSeparators(key: string): string {
  return foldKey(key).replaceAll(/[-_]/g, "");
}

/**
 * Models that search in every response, and variants of models that do, by the providers' lists of models.
 */
const SEARCHING_MODEL =
  /(?:^\s*|[/.:])(?:gpt-[\w.]+(?:-mini)?-search-(?:preview|api)|sonar|compound)(?:\s*$|[-:])|[-:]online\s*$/i;

/** Whether a model searches the web for every response, even if the body has no tool. */
export function alwaysSearches(model: string): boolean {
  return SEARCHING_MODEL.test(model);
}
