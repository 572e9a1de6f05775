/** What a request asks for, as far as limits and accounts need it. */

import type { JsonSpan } from "./json_reader.ts";
import { JsonSyntaxError } from "./json_reader.ts";
import { jsonMembers, MAX_MEMBERS_BYTES, textValue } from "./json_members.ts";
import type { JsonFindings, WatchedMember } from "./models.ts";

/** What a request says of itself; what it does not say is absent. */
export interface RequestFacts {
  readonly model?: string;
  /** The most tokens that the answer may have, all choices together. */
  readonly maxOutputTokens?: number;
  /** `maxOutputTokens` is that of `max_completion_tokens`, which only some servers obey. */
  readonly isCompletionLimit?: boolean;
  /** The model reads content that is not in the body. */
  readonly refersElsewhere?: boolean;
  /** How many answers it wants, where that is more than one. */
  readonly choices?: number;
  readonly stream?: boolean;
  /** The answer is made to its end even if nobody waits for it (OpenAI's responses). */
  readonly background?: boolean;
  /** The tier of processing that it asks for, where that has a price of its own: `priority`, `fast`. */
  readonly tier?: string;
}

/** No model answers at greater length; what a client says beyond it is not reserved. */
export const MAX_OUTPUT_TOKENS = 10_000_000;
/** Gemini, also under Vertex AI. */
const GEMINI_PATH = /:(?:stream)?generatecontent$/;
/** No API gives more answers to one request. */
export const MAX_CHOICES = 1_000;
/**
 * Which limits an API obeys, by the end of its path. A limit that an API may not know states nothing: the model's own
 * maximum counts then. So it is for Ollama and Bedrock's Converse, which have theirs elsewhere.
 */
const LIMITS_BY_PATH: readonly (readonly [RegExp, readonly WatchedMember[]])[] = [
  [GEMINI_PATH, ["generationConfig", "generation_config"]],
  [/\/responses$/, ["max_output_tokens"]],
  [/\/chat\/completions$/, ["max_completion_tokens", "max_tokens"]],
  [/\/completions$/, ["max_tokens"]],
  [/\/messages$|:(?:stream)?rawpredict$|\/model\/[^/]+\/invoke(?:-with-response-stream)?$/, ["max_tokens"]],
  // Cohere.
  [/\/v\d\/chat$/, ["max_tokens"]],
];

/** Tiers that cost more than the standard one. */
const TIERS: ReadonlySet<string> = new Set(["priority", "fast"]);

/** What a JSON body asks for. Throws a {@link JsonSyntaxError} for a `stream` or a limit of another kind. */
export function jsonFacts(
  bytes: Uint8Array,
  { members, places, prompts, refersElsewhere }: JsonFindings,
  path: string,
): Omit<RequestFacts, "model"> & { readonly model?: string } {
  for (const [name, span] of members) if (name !== "model") shortSpan(bytes, name, span);
  const textOf = (span: JsonSpan | undefined) =>
    span === undefined ? undefined : new TextDecoder().decode(bytes.subarray(span.start, span.end));
  const numberOf = (name: WatchedMember) => wholeNumber(textOf(members.get(name)), name);
  const stream = textOf(members.get("stream"));
  if (stream !== undefined && stream !== "true" && stream !== "false" && stream !== "null") {
    throw new JsonSyntaxError('a "stream" that is neither true nor false');
  }
  // Some servers take capitals and a slash at the end for the same path.
  const plainPath = withoutSlashes(path.toLowerCase());
  const names = LIMITS_BY_PATH.find(([pattern]) => pattern.test(plainPath))?.[1] ?? [];
  const generation = (["generationConfig", "generation_config"] as const).flatMap((name) => {
    const span = members.get(name);
    return span === undefined ? [] : generationNumbers(shortSpan(bytes, name, span));
  });
  const isGemini = GEMINI_PATH.test(plainPath);
  const limits = (isGemini ? generation.map(({ most }) => most) : names.map(numberOf)).filter(isStated);
  const isCompletionLimit = names.includes("max_completion_tokens") && numberOf("max_tokens") === undefined;
  const choices = [numberOf("n"), numberOf("best_of"), ...generation.map(({ choices }) => choices)]
    .filter(isStated);
  const most = limits.length === 0 ? undefined : Math.max(...limits);
  // OpenAI's text completions answer each prompt of a list.
  const answers = /(?<!\/chat)\/completions$/.test(plainPath) ? Math.max(1, prompts) : 1;
  const times = Math.min(answers * Math.max(1, ...choices), MAX_CHOICES);
  const model = places[0]?.name;
  const tier = (["speed", "service_tier", "serviceTier"] as const).map((name) => {
    const span = members.get(name);
    return span && textValue(bytes, span);
  }).find((text) => text !== undefined && TIERS.has(text));
  return {
    ...(model !== undefined && model !== "" && { model }),
    ...(most !== undefined && { maxOutputTokens: Math.min(most * times, MAX_OUTPUT_TOKENS) }),
    ...(most !== undefined && isCompletionLimit && { isCompletionLimit }),
    ...(refersElsewhere && { refersElsewhere }),
    ...(times > 1 && { choices: times }),
    ...(stream !== undefined && stream !== "null" && { stream: stream === "true" }),
    ...(tier !== undefined && { tier }),
    ...(textOf(members.get("background")) === "true" && { background: true }),
  };
}

/** Without the slashes at its end. */
function withoutSlashes(path: string): string {
  let end = path.length;
  while (path[end - 1] === "/") end--;
  return path.slice(0, end);
}

/** The bytes of a member that is read at a stretch. Throws a {@link JsonSyntaxError} for one that is too long. */
function shortSpan(bytes: Uint8Array, name: WatchedMember, { start, end }: JsonSpan): Uint8Array {
  if (end - start > MAX_MEMBERS_BYTES) {
    throw new JsonSyntaxError(`a "${name}" of more than ${MAX_MEMBERS_BYTES} bytes`);
  }
  return bytes.subarray(start, end);
}

/** Gemini's limits, in both spellings of its JSON. */
function generationNumbers(bytes: Uint8Array): { most: number | undefined; choices: number | undefined }[] {
  const members = jsonMembers(bytes) ?? [];
  const numbers = (...keys: string[]) =>
    members.flatMap(({ key, start, end }) =>
      keys.includes(key) ? [wholeNumber(new TextDecoder().decode(bytes.subarray(start, end)), key)] : []
    ).filter(isStated);
  const most = numbers("maxOutputTokens", "max_output_tokens");
  const choices = numbers("candidateCount", "candidate_count");
  return [{
    most: most.length === 0 ? undefined : Math.max(...most),
    choices: choices.length === 0 ? undefined : Math.max(...choices),
  }];
}

/**
 * A number of tokens or choices; `null` and what is below one state none. Throws a {@link JsonSyntaxError} for what is no
 * number: some servers take a text for one.
 */
function wholeNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === "null") return undefined;
  if (!/^[-\d]/.test(text)) throw new JsonSyntaxError(`a "${name}" that is not a number`);
  const value = Math.ceil(Number(text));
  return value >= 1 ? Math.min(value, MAX_OUTPUT_TOKENS) : undefined;
}

function isStated(value: number | undefined): value is number {
  return value !== undefined;
}
