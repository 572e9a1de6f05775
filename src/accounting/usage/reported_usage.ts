/** Collects the usage objects of one response. A stream may report its usage several times. */

import { sumOf, type Usage } from "./usage.ts";
import { type ReadUsage, readUsage } from "./read_usage.ts";

/** How deep usage objects are read. Known usage objects have two levels. */
const MAX_DEPTH = 3;
const MAX_NUMBERS = 64;
const MAX_AMOUNT = 1e9;
/** The highest number of steps that are read of one response. */
const MAX_STEPS = 100;
const MAX_MODEL = 200;
/** The paths of amounts that may be fractions. */
const FRACTIONS = /(?:^|\.)(?:seconds|cost|total_cost|upstream_inference_cost)$/;
/** The paths of amounts that may exceed {@link MAX_AMOUNT}. */
const TICKS = /_ticks$/;
/** Groups of amounts, by their paths. All other amounts belong to the input. */
const GROUPS: readonly RegExp[] = [
  /^(?:(?:billed_units|tokens)\.)?(?:output|completion|candidates|thoughts|response|reasoning|citation|eval_count|tokens_predicted)/,
  /^total/,
  /^cost|^is_byok/,
  /^server_tool_use|^num_|search/,
];

/** The numbers of a usage object, by their paths, such as `prompt_tokens_details.cached_tokens`. */
type Numbers = Map<string, number>;

/** The usage of another model for a part of a response. It is not included in the other numbers. */
export interface UsageStep {
  readonly model: string;
  readonly usage: Usage;
  /** Set if a part of the usage is an estimate. */
  readonly isEstimated?: true;
}

/** The usage of a step. `model` is `undefined` for steps of the response's own model. */
type Step = Omit<UsageStep, "model"> & { readonly model: string | undefined };

const NO_NUMBERS: Numbers = new Map();
const NO_STEPS: readonly UsageStep[] = [];
const NOTHING: ReadUsage = { usage: {}, contradictions: [] };

/** The usage that a response has reported so far. */
export class ReportedUsage {
  #numbers = NO_NUMBERS;
  /**
   * The groups of names that were reported already, because a stream may report the same names in each event.
   */
  #groups: Map<string, number> | undefined;
  /** The amounts that the numbers mean. `undefined` if they were not read since the last report. */
  #read: ReadUsage | undefined;
  #steps: readonly Step[] = NO_STEPS;

  /**
   * Adds a usage object. Of several reports, the last one counts, separately for the input, the output and
   * each other group. Servers that imitate Anthropic's API report a higher input at first and correct it
   * later. Other servers begin or end with zeros.
   */
  add(value: unknown): void {
    if (!isObject(value)) return;
    const reported: Numbers = new Map();
    collect(value, reported);
    this.#read = undefined;
    if (this.#numbers.size === 0) this.#numbers = reported;
    else this.#merge(reported);
    if (Array.isArray(value["iterations"])) this.#steps = stepsOf(value["iterations"]);
  }

  #merge(reported: Numbers): void {
    let groups = 0;
    for (const [name, number] of reported) if (number > 0) groups |= this.#groupOf(name);
    for (const [name, number] of reported) {
      const isSaid = number > 0 || (groups & this.#groupOf(name)) !== 0;
      if (isSaid || !this.#numbers.has(name)) this.#numbers.set(name, number);
    }
  }

  /** The group of a name, as a bit. */
  #groupOf(name: string): number {
    const groups = this.#groups ??= new Map();
    let group = groups.get(name);
    if (group === undefined) {
      group = 1 << GROUPS.findIndex((pattern) => pattern.test(name)) + 1;
      if (groups.size < MAX_NUMBERS) groups.set(name, group);
    }
    return group;
  }

  /** Adds the usage of another model. `value` is a usage object that names the model. */
  addStep(value: unknown): void {
    if (!isObject(value) || this.#steps.length >= MAX_STEPS) return;
    const [step] = stepsOf([{ ...value, type: "advisor_message" }]);
    if (step !== undefined) this.#steps = [...this.#steps, step];
  }

  /** Removes all usage, because another response begins. */
  clear(): void {
    this.#numbers = NO_NUMBERS;
    this.#read = undefined;
    this.#steps = [];
  }

  /** The usage so far, with the steps of the same model. */
  usage(): Usage {
    const own = this.#own().usage;
    if (this.#steps.length === 0) return own;
    return this.#steps.filter(({ model }) => model === undefined)
      .reduce((total, { usage }) => sumOf(total, usage), own);
  }

  /** The contradictions between the reported numbers, as texts for a log. */
  contradictions(): readonly string[] {
    return this.#own().contradictions;
  }

  /** Returns the usage of other models, which {@link usage} does not include. */
  steps(): readonly UsageStep[] {
    if (this.#steps.length === 0) return NO_STEPS;
    return this.#steps.flatMap(({ model, usage }) => model === undefined ? [] : [{ model, usage }]);
  }

  #own(): ReadUsage {
    if (this.#numbers.size === 0) return NOTHING;
    return this.#read ??= readUsage(this.#numbers);
  }
}

function collect(members: Readonly<Record<string, unknown>>, into: Numbers, prefix = "", depth = 1): void {
  for (const key in members) {
    const inner = members[key];
    const path = prefix + key;
    if (typeof inner === "number") collectNumber(inner, into, path);
    else if (key === "is_byok") into.set(path, inner === true ? 1 : 0);
    else if (Array.isArray(inner)) collectList(inner, into, path);
    else if (isObject(inner) && depth < MAX_DEPTH) collect(inner, into, `${path}.`, depth + 1);
  }
}

function collectNumber(amount: number, into: Numbers, path: string): void {
  if (isSensible(path, amount) && (into.size < MAX_NUMBERS || into.has(path))) into.set(path, amount);
}

/** Whether a number can be an amount: it is not negative, not too large, and not a fraction of a token. */
function isSensible(path: string, amount: number): boolean {
  // Most amounts are such numbers, and a pattern takes longer.
  if (Number.isInteger(amount) && amount >= 0 && amount <= MAX_AMOUNT) return true;
  if (TICKS.test(path)) return amount >= 0 && Number.isFinite(amount);
  return amount >= 0 && amount <= MAX_AMOUNT && (Number.isInteger(amount) || FRACTIONS.test(path));
}

/**
 * Reads a list of details: Gemini's `[{"modality":"AUDIO","tokenCount":5}]` and
 * `[{"type":"google_search","count":3}]`, and Bedrock's `[{"ttl":"1h","inputTokens":5}]`.
 */
function collectList(details: readonly unknown[], into: Numbers, path: string): void {
  for (const detail of details.slice(0, MAX_NUMBERS).filter(isObject)) {
    const name = detail["modality"] ?? detail["type"] ?? detail["ttl"];
    const amount = detail["tokenCount"] ?? detail["tokens"] ?? detail["count"] ?? detail["inputTokens"];
    if (typeof name !== "string") continue;
    const key = name.toUpperCase();
    if (typeof amount === "number") collectNumber(amount, into, `${path}.${key}`);
    else collect({ [key]: amount }, into, `${path}.`);
  }
}

/**
 * Reads Anthropic's `usage.iterations` (`BetaIterationsUsage` of `@anthropic-ai/sdk`). The other numbers of
 * the usage do not include three kinds of iterations: compactions, advisors, and a model that declined before
 * another model continued.
 */
function stepsOf(iterations: readonly unknown[]): Step[] {
  const all = iterations.slice(0, MAX_STEPS).filter(isObject);
  const hasFallback = all.some(({ type }) => type === "fallback_message");
  // A model that declined before it generated output is not billed.
  return all.filter(({ type, output_tokens }) =>
    type === "compaction" || type === "advisor_message" ||
    hasFallback && type === "message" && output_tokens !== 0
  )
    .map(({ model, ...rest }) => {
      const numbers: Numbers = new Map();
      collect(rest, numbers);
      const isNamed = typeof model === "string" && model !== "" && model.length <= MAX_MODEL;
      return { model: isNamed ? model : undefined, usage: readUsage(numbers).usage };
    });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
