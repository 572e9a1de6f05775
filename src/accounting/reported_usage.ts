/** Collects the usage objects of one answer: streams tell theirs several times. */

import { sumOf, type Usage } from "./usage.ts";
import { readUsage } from "./read_usage.ts";

/** The nesting of usage objects is two deep; more is nothing that is known. */
const MAX_DEPTH = 3;
const MAX_NUMBERS = 64;
const MAX_AMOUNT = 1e9;
/** More steps than an answer has. */
const MAX_STEPS = 100;
const MAX_MODEL = 200;
/** Amounts that need not be integers. */
const FRACTIONS = /(?:^|\.)(?:seconds|cost|total_cost|upstream_inference_cost)$/;
/** Larger than any other amount. */
const TICKS = /_ticks$/;
/** What the amounts are of, by their names; all others are of input. */
const GROUPS: readonly RegExp[] = [
  /^(?:(?:billed_units|tokens)\.)?(?:output|completion|candidates|thoughts|response|reasoning|citation|eval_count|tokens_predicted)/,
  /^total/,
  /^cost|^is_byok/,
  /^server_tool_use|^num_|search/,
];

/** Numbers of a provider's usage object by their paths, like `prompt_tokens_details.cached_tokens`. */
type Numbers = Map<string, number>;

/** A part of an answer that another model gave, and that the other numbers do not include. */
export interface UsageStep {
  readonly model: string;
  readonly usage: Usage;
}

/** Such a part, or one of the answer's own model. */
type Step = Omit<UsageStep, "model"> & { readonly model: string | undefined };

/** What an answer has said so far of its usage. */
export class ReportedUsage {
  readonly #numbers: Numbers = new Map();
  #steps: readonly Step[] = [];

  /**
   * Adds a usage object. The last word counts, for input, output and the rest apart: servers that imitate Anthropic's
   * say a greater input first and correct it, and others begin with zeros or end with them.
   */
  add(value: unknown): void {
    if (!isObject(value)) return;
    const reported: Numbers = new Map();
    collect(value, reported);
    const isSaid = new Set([...reported].filter(([, number]) => number > 0).map(([name]) => groupOf(name)));
    for (const [name, number] of reported) {
      if (isSaid.has(groupOf(name)) || !this.#numbers.has(name)) this.#numbers.set(name, number);
    }
    if (Array.isArray(value["iterations"])) this.#steps = stepsOf(value["iterations"]);
  }

  /** Adds the usage of another model, from an object that names the model. */
  addStep(value: unknown): void {
    if (!isObject(value) || this.#steps.length >= MAX_STEPS) return;
    const [step] = stepsOf([{ ...value, type: "advisor_message" }]);
    if (step !== undefined) this.#steps = [...this.#steps, step];
  }

  /** Forgets all. */
  clear(): void {
    this.#numbers.clear();
    this.#steps = [];
  }

  /** What it amounts to, the steps of the same model included. */
  usage(): Usage {
    const own = this.#own();
    return this.#steps.filter(({ model }) => model === undefined)
      .reduce((total, { usage }) => sumOf(total, usage), own);
  }

  /** Where its numbers contradict each other, in words for people. */
  contradictions(): readonly string[] {
    return this.#numbers.size === 0 ? [] : readUsage(this.#numbers).contradictions;
  }

  /** What other models used beside. */
  steps(): readonly UsageStep[] {
    return this.#steps.flatMap(({ model, usage }) => model === undefined ? [] : [{ model, usage }]);
  }

  #own(): Usage {
    return this.#numbers.size === 0 ? {} : readUsage(this.#numbers).usage;
  }
}

function groupOf(name: string): number {
  return GROUPS.findIndex((pattern) => pattern.test(name));
}

function collect(members: Readonly<Record<string, unknown>>, into: Numbers, prefix = "", depth = 1): void {
  for (const key in members) {
    const inner = members[key];
    const path = prefix + key;
    if (typeof inner === "number") {
      if (isSensible(path, inner) && (into.has(path) || into.size < MAX_NUMBERS)) into.set(path, inner);
    } else if (key === "is_byok") into.set(path, inner === true ? 1 : 0);
    else if (Array.isArray(inner)) collectList(inner, into, path);
    else if (isObject(inner) && depth < MAX_DEPTH) collect(inner, into, `${path}.`, depth + 1);
  }
}

/** What is below zero, beyond all sense or a part of a token is no usage. */
function isSensible(path: string, amount: number): boolean {
  if (TICKS.test(path)) return amount >= 0 && Number.isFinite(amount);
  return amount >= 0 && amount <= MAX_AMOUNT && (Number.isInteger(amount) || FRACTIONS.test(path));
}

/**
 * Details as a list: Gemini's `[{"modality":"AUDIO","tokenCount":5}]`, its `[{"type":"google_search","count":3}]`, and
 * Bedrock's `[{"ttl":"1h","inputTokens":5}]`.
 */
function collectList(details: readonly unknown[], into: Numbers, path: string): void {
  for (const detail of details.slice(0, MAX_NUMBERS).filter(isObject)) {
    const name = detail["modality"] ?? detail["type"] ?? detail["ttl"];
    const amount = detail["tokenCount"] ?? detail["tokens"] ?? detail["count"] ?? detail["inputTokens"];
    if (typeof name === "string") collect({ [name.toUpperCase()]: amount }, into, `${path}.`);
  }
}

/**
 * Anthropic's `usage.iterations`: what a compaction, an advisor, and a model that declined before another one took over
 * used, stands in no other number (`BetaIterationsUsage` of `@anthropic-ai/sdk`).
 */
function stepsOf(iterations: readonly unknown[]): Step[] {
  const all = iterations.slice(0, MAX_STEPS).filter(isObject);
  const hasFallback = all.some(({ type }) => type === "fallback_message");
  // A model that declined before it wrote anything is not billed.
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
