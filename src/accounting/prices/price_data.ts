/**
 * Checks lists of published prices, which come from files and URLs in the library's format. It reports all
 * problems of a list at once.
 */

import {
  calcPrice,
  type MatchLogic,
  type ModelInfo,
  type ModelPrice,
  type Provider,
} from "@pydantic/genai-prices";
import * as v from "valibot";
import { harmlessText, isHarmless } from "../../text/harmless_text.ts";
import { matchProblem, patternProblem } from "./price_patterns.ts";
import { PRICE_KINDS } from "./price_kinds.ts";
import { messageOf } from "../../text/error_text.ts";

/** The limit of a list, in bytes. The list of 2026 has half a million bytes. */
export const MAX_PRICE_BYTES = 16 * 1024 * 1024;
/** The highest price in US dollars per unit. The highest published price is 600. */
const MAX_PRICE = 10_000;
const MAX_PROVIDERS = 500;
const MAX_MODELS = 5_000;
const MAX_ID = 100;
const MAX_CONTEXT_TOKENS = 1_000_000_000;

/** A list of prices that passed all checks. */
export interface PriceData {
  readonly providers: Provider[];
  /** The kinds of prices that this version does not know. `providers` does not have them. */
  readonly unknownKinds: readonly string[];
  /** The models that have only prices of unknown kinds. `providers` does not have them. */
  readonly leftOut: readonly string[];
}

/** The error for an invalid list of prices. `message` has all problems. */
export class PriceDataError extends Error {
  override readonly name = "PriceDataError";
  /** The problems, each with its provider and model. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join("; "));
    this.problems = problems;
  }
}

const text = (maxLength: number) =>
  v.pipe(
    v.string("is not a string"),
    v.check(
      (value) => value !== "" && value.length <= maxLength && isHarmless(value),
      `is empty, longer than ${maxLength} characters or contains control characters`,
    ),
  );

const amount = v.pipe(
  v.number("is not a number"),
  v.minValue(0, ({ input }) => `is negative: ${input}`),
  v.maxValue(MAX_PRICE, ({ input }) => `is ${input}: more than ${MAX_PRICE} US dollars`),
);

const tieredPrice = v.object({
  base: amount,
  tiers: v.pipe(
    v.array(v.object({
      start: v.pipe(
        v.number("is not a number"),
        v.check((start) => Number.isSafeInteger(start) && start >= 0, "is not a number of tokens"),
      ),
      price: amount,
    })),
    v.maxLength(20, "has more than 20 tiers"),
  ),
});

// A union of the schemas would only report that neither of them matches.
const price = v.lazy((input) => typeof input === "object" && input !== null ? tieredPrice : amount);

const modelPrice = v.record(v.string(), price, "is not a table");

const conditionalPrice = v.object({
  constraint: v.optional(
    v.record(v.string(), v.pipe(v.string(), v.maxLength(40)), "is not a table of strings"),
  ),
  prices: modelPrice,
});

const conditionalPrices = v.pipe(v.array(conditionalPrice), v.minLength(1, "has no prices"));

const match = v.custom<MatchLogic>(
  (input) => matchProblem(input) === undefined,
  ({ input }) => `${matchProblem(input)}`,
);

const modelSchema = v.object({
  id: text(MAX_ID),
  name: v.optional(text(200)),
  match,
  context_window: v.optional(v.pipe(
    v.number("is not a number"),
    v.check(
      (tokens) => Number.isSafeInteger(tokens) && tokens > 0 && tokens <= MAX_CONTEXT_TOKENS,
      "is not a number of tokens",
    ),
  )),
  prices: v.lazy((input) => Array.isArray(input) ? conditionalPrices : modelPrice),
});

const providerSchema = v.object({
  id: v.pipe(
    v.string("is not a string"),
    v.check((id) => /^[a-z0-9][\w.-]{0,63}$/.test(id), "is not an id of lower-case letters, digits, - and _"),
  ),
  name: text(200),
  api_pattern: v.custom<string>(
    (input) => patternProblem(input, { ofAddresses: true }) === undefined,
    ({ input }) => `${patternProblem(input, { ofAddresses: true })}`,
  ),
  model_match: v.optional(match),
  provider_match: v.optional(match),
  fallback_model_providers: v.optional(v.pipe(v.array(text(MAX_ID)), v.maxLength(20))),
  models: v.pipe(
    v.array(modelSchema, "is not a list"),
    v.maxLength(MAX_MODELS, `has more than ${MAX_MODELS} models`),
  ),
});

const listSchema = v.pipe(
  v.array(providerSchema, "is not a list of providers, as in version 2 of the library's data file"),
  v.minLength(1, "names no provider"),
  v.maxLength(MAX_PROVIDERS, `names more than ${MAX_PROVIDERS} providers`),
);

/** Checks a list of prices. Throws a {@link PriceDataError} with all problems. */
export function checkPriceData(value: unknown): PriceData {
  const result = v.safeParse(listSchema, value);
  if (!result.success) {
    throw new PriceDataError(result.issues.map((issue) => `${placeOf(issue.path)}${issue.message}`));
  }
  const unknownKinds = new Set<string>();
  const leftOut: string[] = [];
  const problems: string[] = [];
  const seen = new Set<string>();
  const providers = result.output.map(({ models, ...provider }): Provider => {
    if (seen.has(provider.id)) problems.push(`${provider.id} occurs twice`);
    seen.add(provider.id);
    const usable: ModelInfo[] = [];
    for (const { prices, ...rest } of models) {
      const at = `${provider.id}/${rest.id}`;
      const known = Array.isArray(prices)
        ? prices.map((one) => ({ ...one, prices: knownPrices(one.prices, unknownKinds) }))
        : knownPrices(prices, unknownKinds);
      const sets = Array.isArray(known) ? known.map((one) => one.prices) : [known];
      // A model without prices is free. A model that has only prices of unknown kinds is left out instead.
      const before = Array.isArray(prices) ? prices.map((one) => one.prices) : [prices];
      if (sets.some((set, index) => isEmpty(set) && !isEmpty(before[index] ?? {}))) {
        leftOut.push(at);
        continue;
      }
      // The constraints are unknown objects until the library checks them, in the trial below.
      const model = { ...rest, prices: known } as ModelInfo;
      const problem = problemInUse(model, sets);
      if (problem !== undefined) problems.push(`${at}: ${problem}`);
      usable.push(model);
    }
    return { ...provider, models: usable } as Provider;
  });
  if (problems.length > 0) throw new PriceDataError(problems);
  return { providers, unknownKinds: [...unknownKinds].toSorted(), leftOut };
}

/**
 * Keeps the prices of the kinds that the library knows. For other kinds, the library would print a warning at
 * each use.
 */
function knownPrices(prices: v.InferOutput<typeof modelPrice>, unknown: Set<string>): ModelPrice {
  const known: ModelPrice = {};
  for (const [kind, one] of Object.entries(prices)) {
    if (PRICE_KINDS.has(kind)) known[kind] = one;
    else unknown.add(harmlessText(kind, MAX_ID));
  }
  return known;
}

function isEmpty(prices: object): boolean {
  return Object.keys(prices).length === 0;
}

/**
 * Returns the error that the library throws when it uses the prices of a model. For example, some kinds of
 * prices require other kinds. `undefined` if it throws no error.
 */
function problemInUse(model: ModelInfo, sets: readonly ModelPrice[]): string | undefined {
  const named = { ...model, match: { equals: model.id } };
  const provider = (models: ModelInfo[]): Provider => ({ id: "checked", name: "", api_pattern: "", models });
  try {
    calcPrice({ input_tokens: 1, output_tokens: 1 }, model.id, { provider: provider([named]) });
    for (const prices of sets) {
      calcPrice({ input_tokens: 1, output_tokens: 1 }, model.id, {
        provider: provider([{ ...named, prices }]),
      });
    }
    return undefined;
  } catch (error) {
    return harmlessText(messageOf(error), 300);
  }
}

/** The place of a problem as text, such as `openai/gpt-4o: prices.input_mtok `. */
function placeOf(path: readonly v.IssuePathItem[] = []): string {
  const names: string[] = [];
  const keys: string[] = [];
  for (const { key, value } of path) {
    const isItem = typeof key === "number" && keys.length === (names.length === 0 ? 0 : 1);
    if (isItem && names.length < 2) {
      names.push(idOf(value) ?? `number ${key + 1}`);
      keys.length = 0;
    } else keys.push(String(key));
  }
  const place = names.join("/");
  return harmlessText(
    `${place}${place === "" ? "" : ": "}${keys.length > 0 ? `${keys.join(".")} ` : ""}`,
    200,
  );
}

function idOf(value: unknown): string | undefined {
  return typeof value === "object" && value !== null && "id" in value && typeof value.id === "string"
    ? value.id
    : undefined;
}
