/** Estimates the use of hosted tools before a response reports it. */

import { alwaysSearches, type HostedTool, type ToolCharge } from "../../payload/hosted_tools.ts";
import type { RequestFacts } from "../../payload/request_facts.ts";
import type { Usage } from "../usage/usage.ts";

/** The number of calls of each hosted tool that a request reserves. Few responses make more. */
export const RESERVED_CALLS = 20;

/** The search of a model that searches for every response. It costs as much as the search tool. */
const OWN_SEARCH: HostedTool = { name: "the search of the model", charge: "web searches" };

const NO_TOOLS: readonly HostedTool[] = [];

/** Returns the hosted tools of a request that a certain model runs. */
export function toolsOf({ hostedTools = NO_TOOLS }: RequestFacts, model: string): readonly HostedTool[] {
  return alwaysSearches(model) ? [...hostedTools, OWN_SEARCH] : hostedTools;
}

/** Returns the usage of `calls` calls of each tool, without their tokens. */
export function callsOf(charges: readonly ToolCharge[], calls: number): Usage {
  return {
    ...(charges.includes("web searches") && { webSearches: calls }),
    ...(charges.includes("file searches") && { fileSearches: calls }),
    ...(charges.includes("unknown") && { unpricedUnits: calls }),
  };
}

/**
 * Returns the usage with one search if the request made the model search and the response does not report the
 * number of searches. Responses of OpenAI's chat completions do not report it.
 */
export function withSearch(
  usage: Usage,
  { hostedTools = NO_TOOLS }: RequestFacts,
  model: string | undefined,
): Usage {
  const isReported = usage.inputTokens !== undefined || usage.outputTokens !== undefined;
  if (!isReported || usage.webSearches !== undefined || usage.statedCostMicros !== undefined) return usage;
  const searches = hostedTools.some(({ name }) => name === "web_search_options") ||
    model !== undefined && alwaysSearches(model);
  return searches ? { ...usage, webSearches: 1 } : usage;
}
