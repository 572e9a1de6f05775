/** The options of limits and budgets, which projects and tokens share. */

import type { Command } from "commander";
import { CommandError } from "../command_error.ts";
import { collect } from "../common_options.ts";
import type { Options } from "./options.ts";

/** Options with a number, and the member of the API that each one sets. */
const NUMBERS = [
  ["--requests-per-minute <n>", "requests per minute", ["limits", "requests_per_minute"]],
  ["--tokens-per-minute <n>", "input and output tokens per minute", ["limits", "tokens_per_minute"]],
  ["--concurrent-requests <n>", "requests at the same time", ["limits", "concurrent_requests"]],
  ["--max-requests <n>", "requests in total", ["max_requests"]],
  ["--budget-day <usd>", "US dollars per day", ["budget", "day_usd"]],
  ["--budget-week <usd>", "US dollars per week", ["budget", "week_usd"]],
  ["--budget-month <usd>", "US dollars per month", ["budget", "month_usd"]],
  ["--budget-total <usd>", "US dollars in total", ["budget", "total_usd"]],
] as const;

/** Options with a list, and the member of the API that each one sets. */
const LISTS = [
  ["--endpoints <names>", "allowed endpoints, separated by commas; * matches anything", "allowed_endpoints"],
  ["--models <names>", "allowed models, separated by commas; * matches anything", "allowed_models"],
  [
    "--paths <list>",
    "what may be requested, separated by commas: groups, like inference, and paths at the provider, like " +
    "/v1/models; an entry with ! is rejected, like '!files' or '!*/files*'",
    "allowed_paths",
  ],
] as const;

/** Adds the options to a command. The value "none" removes a limit. */
export function addRuleOptions(command: Command): Command {
  for (const [flags, description] of [...NUMBERS, ...LISTS]) {
    command.option(flags, `${description}; "none" removes the limit`);
  }
  return command.option(
    "--model-limit <model:limits>",
    "limits for the requests of some models, like 'gpt-5*:tokens-per-minute=10000,budget-day=2'; * matches " +
      'anything; can be repeated, the first match counts; "none" removes all',
    collect,
  );
}

/**
 * The members of an API request that the options set. Throws a {@link CommandError} for a malformed value.
 */
export function rulesBody(options: Options): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  const groups: Record<string, Record<string, number | null>> = {};
  for (const [flags, , [first, second]] of NUMBERS) {
    const value = valueOf(options, flags);
    if (value === undefined) continue;
    const number = value === "none" ? null : numberOf(flags, value);
    if (second === undefined) body[first] = number;
    else (groups[first] ??= {})[second] = number;
  }
  for (const [flags, , member] of LISTS) {
    const value = valueOf(options, flags);
    if (value !== undefined) {
      body[member] = value === "none" ? null : value.split(",").map((name) => name.trim());
    }
  }
  const modelLimits = options["modelLimit"];
  if (typeof modelLimits === "object" && modelLimits.length > 0) {
    body["model_limits"] = modelLimits.join() === "none" ? null : modelLimits.map(modelLimit);
  }
  return { ...body, ...groups };
}

/** The limits that `--model-limit` takes, with their members of the API. */
const MODEL_LIMITS = new Map(
  NUMBERS.flatMap(([flags, , member]) =>
    member[1] === undefined ? [] : [[flags.slice(2).split(" ")[0] ?? "", member] as const]
  ),
);

/** Parses `gpt-5*:tokens-per-minute=10000,budget-day=2`. The name of a model may contain colons. */
function modelLimit(text: string): Record<string, unknown> {
  const end = text.lastIndexOf(":");
  const model = text.slice(0, Math.max(0, end)).trim();
  const body: Record<string, unknown> = {};
  const budget: Record<string, number> = {};
  for (const setting of text.slice(end + 1).split(",")) {
    const [name = "", value = ""] = setting.split("=").map((part) => part.trim());
    const member = MODEL_LIMITS.get(name);
    if (model === "" || member === undefined) {
      throw new CommandError(
        `--model-limit: write MODEL:LIMIT=N,…, not ${JSON.stringify(text)}; the limits are ${
          [...MODEL_LIMITS.keys()].join(", ")
        }`,
        2,
      );
    }
    const number = numberOf(`--model-limit: ${name}`, value);
    if (member[0] === "budget") budget[member[1]] = number;
    else body[member[1]] = number;
  }
  return { model, ...body, ...Object.keys(budget).length > 0 && { budget } };
}

/** The value of `--budget-day <usd>`, which the parser calls `budgetDay`. */
function valueOf(options: Options, flags: string): string | undefined {
  const name = (flags.split(" ")[0] ?? "").slice(2).replace(
    /-(.)/g,
    (_, letter: string) => letter.toUpperCase(),
  );
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

function numberOf(flags: string, text: string): number {
  const number = Number(text);
  if (text.trim() !== "" && Number.isFinite(number)) return number;
  throw new CommandError(`${flags.split(" <")[0]}: ${JSON.stringify(text)} is not a number`, 2);
}
