import { factsOf, type Operation } from "../apis/operations.ts";
import type { Endpoint } from "../config/config.ts";
import { obeysCompletionLimit, type ProviderOf } from "./providers.ts";
import type { RequestFacts } from "../payload/request_facts.ts";

/**
 * The highest number of output tokens of a family of models, by the providers' lists of models
 * (https://platform.openai.com/docs/models, https://docs.anthropic.com/en/docs/about-claude/models,
 * https://ai.google.dev/gemini-api/docs/models). The first pattern that matches counts.
 */
const OUTPUT_BY_MODEL: readonly (readonly [RegExp, number])[] = [
  [/(?:^|[/.:])gpt-4\.1/, 32_768],
  [/(?:^|[/.:])(?:chat)?gpt-4o/, 16_384],
  [/(?:^|[/.:])gpt-4-turbo|(?:^|[/.:])gpt-3\.5/, 4_096],
  [/(?:^|[/.:])gpt-4(?:-|$)/, 8_192],
  [/(?:^|[/.:])o[134](?:-|$)/, 100_000],
  [/(?:^|[/.:])gpt-[5-9]/, 128_000],
  [/claude-3-5/, 8_192],
  [/claude-3-(?:opus|sonnet|haiku)/, 4_096],
  [/claude/, 128_000],
  [/gemini-(?:1|2\.0)/, 8_192],
  [/gemini/, 65_536],
];

/**
 * The highest number of output tokens of a request, whose cost is reserved while it runs. A limit in the
 * request that the provider may ignore does not lower this number.
 */
export function possibleOutputTokens(
  { model, maxOutputTokens, isCompletionLimit, choices = 1 }: RequestFacts,
  { endpoint, operation, hasBody }: {
    endpoint: ProviderOf & Pick<Endpoint, "reserveOutputTokens">;
    operation: Operation;
    hasBody: boolean;
  },
): number {
  if (factsOf(operation).hasNoOutput === true) return 0;
  const isObeyed = isCompletionLimit !== true || obeysCompletionLimit(endpoint);
  if (maxOutputTokens !== undefined && isObeyed) return maxOutputTokens;
  if (!hasBody) return 0;
  return choices * (knownOutputTokens(model) ?? endpoint.reserveOutputTokens);
}

function knownOutputTokens(model: string | undefined): number | undefined {
  if (model === undefined) return undefined;
  const lower = model.toLowerCase();
  for (const [pattern, tokens] of OUTPUT_BY_MODEL) if (pattern.test(lower)) return tokens;
  return undefined;
}
