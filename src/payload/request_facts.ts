/** Reads the facts of a request that limits and accounting need. */

import { factsOf, type Operation } from "../apis/operations.ts";
import type { HostedTool } from "./hosted_tools.ts";
import type { CacheWrites } from "./cache_writes.ts";
import type { JsonSpan } from "./json_reader.ts";
import { JsonSyntaxError } from "./json_reader.ts";
import { jsonMembers, MAX_MEMBERS_BYTES, textValue } from "./json_members.ts";
import { asciiText } from "./json_value.ts";
import type { JsonFindings } from "./models_in_json.ts";
import { dearTier, tierOf } from "./service_tier.ts";
import type { WatchedMember } from "./watched_members.ts";

/** The facts that a request states. A fact is absent if the request does not state it. */
export interface RequestFacts {
  readonly model?: string;
  /** The limit of output tokens, for all choices together. */
  readonly maxOutputTokens?: number;
  /** Whether `maxOutputTokens` is from `max_completion_tokens`, which only some servers obey. */
  readonly isCompletionLimit?: boolean;
  /** Whether the model reads content that is not in the body. */
  readonly refersElsewhere?: boolean;
  /** How long the provider's cache has to keep the input that the request marks. Absent if it marks none. */
  readonly cacheWrites?: CacheWrites;
  /** An estimate of the sound in the body, in seconds. Absent if the model reads no sound. */
  readonly soundSeconds?: number;
  /** The tools that the provider runs. Absent if it runs no tools. */
  readonly hostedTools?: readonly HostedTool[];
  /** The number of choices, if there is more than one. */
  readonly choices?: number;
  readonly stream?: boolean;
  /** Whether the response is generated in the background, even if no client waits (OpenAI's responses). */
  readonly background?: boolean;
  /**
   * Whether the provider stores the response, so that clients can read it by its id (OpenAI's chat
   * completions).
   */
  readonly isStored?: boolean;
  /** The requested service tier: `priority` or `fast`. Absent if it has the price of the standard tier. */
  readonly tier?: string;
}

/**
 * The highest limit of output tokens. A higher limit in a request counts as this number, because no model has
 * a longer output.
 */
export const MAX_OUTPUT_TOKENS = 10_000_000;
const GEMINI_LIMITS = ["generationConfig", "generation_config"] as const;
const TIER_MEMBERS = ["speed", "service_tier", "serviceTier"] as const;
const NO_MEMBERS: readonly WatchedMember[] = [];
const MAX_PLAIN_BYTES = 24;
const LAST_ASCII = 0x7f;
const DIGIT_0 = 0x30;
const MAX_DIGITS = 15;
/** The most choices of one request. No API allows more. */
export const MAX_CHOICES = 1_000;
/**
 * Returns the facts of a JSON body. Throws a {@link JsonSyntaxError} for a `stream` or a limit of the wrong
 * type.
 */
export function jsonFacts(
  bytes: Uint8Array,
  { members, places, prompts, refersElsewhere, hostedTools, cacheWrites }: JsonFindings,
  operation: Operation,
): RequestFacts {
  for (const [name, span] of members) if (name !== "model") shortSpan(bytes, name, span);
  const textOf = (span: JsonSpan | undefined) => span === undefined ? undefined : plainText(bytes, span);
  const numberOf = (name: WatchedMember) => {
    const span = members.get(name);
    if (span === undefined) return undefined;
    const digits = digitsIn(bytes, span);
    return digits === undefined ? wholeNumber(plainText(bytes, span), name) : withinLimits(digits);
  };
  const stream = textOf(members.get("stream"));
  if (stream !== undefined && stream !== "true" && stream !== "false" && stream !== "null") {
    throw new JsonSyntaxError('a "stream" that is neither true nor false');
  }
  const { outputLimits = NO_MEMBERS, respondsToEachPrompt } = factsOf(operation);
  const isGemini = outputLimits === "generationConfig";
  const names = isGemini ? NO_MEMBERS : outputLimits;
  let most: number | undefined;
  let choices = larger(numberOf("n"), numberOf("best_of")) ?? 1;
  for (const name of GEMINI_LIMITS) {
    const span = members.get(name);
    if (span === undefined) continue;
    const generation = generationNumbers(shortSpan(bytes, name, span));
    if (isGemini) most = larger(most, generation.most);
    choices = larger(choices, generation.choices) ?? 1;
  }
  for (const name of names) most = larger(most, numberOf(name));
  const isCompletionLimit = names.includes("max_completion_tokens") && numberOf("max_tokens") === undefined;
  const responses = respondsToEachPrompt === true ? Math.max(1, prompts) : 1;
  const times = Math.min(responses * choices, MAX_CHOICES);
  const model = places[0]?.name;
  const tier = tierOfMembers(bytes, members);
  const facts: FactsDraft = {};
  if (model !== undefined && model !== "") facts.model = model;
  if (most !== undefined) {
    facts.maxOutputTokens = Math.min(most * times, MAX_OUTPUT_TOKENS);
    if (isCompletionLimit) facts.isCompletionLimit = true;
  }
  if (refersElsewhere) facts.refersElsewhere = true;
  if (hostedTools.length > 0) facts.hostedTools = hostedTools;
  if (cacheWrites !== undefined) facts.cacheWrites = cacheWrites;
  if (times > 1) facts.choices = times;
  if (stream !== undefined && stream !== "null") facts.stream = stream === "true";
  if (tier !== undefined) facts.tier = tier;
  if (textOf(members.get("background")) === "true") facts.background = true;
  if (textOf(members.get("store")) === "true") facts.isStored = true;
  return facts;
}

/** The facts of a request while they are collected. */
type FactsDraft = { -readonly [Fact in keyof RequestFacts]: RequestFacts[Fact] };

/** Returns the larger of two numbers. `undefined` if both are missing. */
function larger(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.max(one, other);
}

/**
 * Returns the text at a position. Most of these texts are short words and numbers of ASCII, which need no
 * decoder.
 */
function plainText(bytes: Uint8Array, { start, end }: JsonSpan): string {
  let isPlain = end - start <= MAX_PLAIN_BYTES;
  for (let at = start; isPlain && at < end; at++) isPlain = (bytes[at] ?? 0) <= LAST_ASCII;
  return isPlain ? asciiText(bytes, start, end) : new TextDecoder().decode(bytes.subarray(start, end));
}

/** Returns the value of a few digits, as most numbers are. `undefined` for any other text. */
function digitsIn(bytes: Uint8Array, { start, end }: JsonSpan): number | undefined {
  if (end - start > MAX_DIGITS) return undefined;
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = (bytes[at] ?? 0) - DIGIT_0;
    if (digit < 0 || digit > 9) return undefined;
    value = value * 10 + digit;
  }
  return value;
}

/** Returns the most expensive service tier that the members of a body request. */
function tierOfMembers(bytes: Uint8Array, members: JsonFindings["members"]): string | undefined {
  let tiers: (string | undefined)[] | undefined;
  for (const name of TIER_MEMBERS) {
    const span = members.get(name);
    if (span !== undefined) (tiers ??= []).push(tierIn(shortSpan(bytes, name, span)));
  }
  return tiers && dearTier(tiers);
}

/**
 * Returns the service tier in a string, or in an object with a type. If the type is repeated, each of its
 * values counts.
 */
function tierIn(value: Uint8Array): string | undefined {
  const text = textValue(value, { start: 0, end: value.length });
  if (text !== undefined) return tierOf(text);
  const types = (jsonMembers(value) ?? []).filter(({ key }) => key === "type");
  return dearTier(types.map((span) => tierOf(textValue(value, span))));
}

/**
 * Returns the bytes of a member that is read without a pause. Throws a {@link JsonSyntaxError} if the member
 * is too long.
 */
function shortSpan(bytes: Uint8Array, name: WatchedMember, { start, end }: JsonSpan): Uint8Array {
  if (end - start > MAX_MEMBERS_BYTES) {
    throw new JsonSyntaxError(`a "${name}" of more than ${MAX_MEMBERS_BYTES} bytes`);
  }
  return bytes.subarray(start, end);
}

/** Returns the limits in Gemini's generation config, in both spellings of their names. */
function generationNumbers(bytes: Uint8Array): { most: number | undefined; choices: number | undefined } {
  const members = jsonMembers(bytes) ?? [];
  const numbers = (...keys: string[]) =>
    members.flatMap(({ key, start, end }) =>
      keys.includes(key) ? [wholeNumber(new TextDecoder().decode(bytes.subarray(start, end)), key)] : []
    ).filter(isStated);
  const most = numbers("maxOutputTokens", "max_output_tokens");
  const choices = numbers("candidateCount", "candidate_count");
  return {
    most: most.length === 0 ? undefined : Math.max(...most),
    choices: choices.length === 0 ? undefined : Math.max(...choices),
  };
}

/**
 * Returns a number of tokens or choices. `undefined` for `null` and for numbers below one. Throws a
 * {@link JsonSyntaxError} for other values, because some servers read a number from a string.
 */
function wholeNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined || text === "null") return undefined;
  if (!/^[-\d]/.test(text)) throw new JsonSyntaxError(`a "${name}" that is not a number`);
  return withinLimits(Math.ceil(Number(text)));
}

function withinLimits(value: number): number | undefined {
  return value >= 1 ? Math.min(value, MAX_OUTPUT_TOKENS) : undefined;
}

function isStated(value: number | undefined): value is number {
  return value !== undefined;
}
