/** What the options of `project` and `token` ask for, in the words of the management API. */

import type { Command } from "commander";
import { durationMs } from "../../config/values/durations.ts";
import { CommandError } from "../command_error.ts";
import { collect } from "../common_options.ts";
import { messageOf } from "../../text/error_text.ts";

/** Options of rules, with the member of the API that each one sets. */
const RULES = [
  ["--requests-per-minute <n>", "requests that begin within any minute", ["limits", "requests_per_minute"]],
  ["--tokens-per-minute <n>", "tokens, input and output, within any minute", ["limits", "tokens_per_minute"]],
  ["--concurrent-requests <n>", "requests that run at the same time", ["limits", "concurrent_requests"]],
  ["--max-requests <n>", "requests in all", ["max_requests"]],
  ["--budget-day <usd>", "US dollars per day", ["budget", "day_usd"]],
  ["--budget-week <usd>", "US dollars per week", ["budget", "week_usd"]],
  ["--budget-month <usd>", "US dollars per month", ["budget", "month_usd"]],
  ["--budget-total <usd>", "US dollars in all", ["budget", "total_usd"]],
] as const;
const LISTS = [
  [
    "--endpoints <names>",
    "endpoints that may be used, with commas; * is any run of characters",
    "allowed_endpoints",
  ],
  ["--models <names>", "models that may be used, with commas; * is any run of characters", "allowed_models"],
  [
    "--paths <patterns>",
    "paths at the provider that may be used, with commas; one that begins with ! is refused, like '!*/files*'",
    "allowed_paths",
  ],
] as const;

/** Options as they were parsed. */
export type Options = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Adds the options of limits and budgets; "none" takes one away. */
export function addRuleOptions(command: Command): Command {
  for (const [flags, description] of [...RULES, ...LISTS]) {
    command.option(flags, `${description}; "none" takes it away`);
  }
  return command.option(
    "--model-limit <model:limits>",
    "limits of requests for certain models, like 'gpt-5*:tokens-per-minute=10000,budget-day=2'; * is any run of " +
      'characters; can be repeated, the first that matches counts; "none" takes all of them away',
    collect,
  );
}

/** The members of a request that limits and budgets make. */
export function rulesBody(options: Options): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  const groups: Record<string, Record<string, number | null>> = {};
  for (const [flags, , [first, second]] of RULES) {
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

/** Limits that hold for models too, by their names in `--model-limit`. */
const MODEL_RULES = new Map(
  RULES.flatMap(([flags, , member]) =>
    member[1] === undefined ? [] : [[flags.slice(2).split(" ")[0] ?? "", member] as const]
  ),
);

/** `gpt-5*:tokens-per-minute=10000,budget-day=2`. Names of models may hold colons. */
function modelLimit(text: string): Record<string, unknown> {
  const end = text.lastIndexOf(":");
  const model = text.slice(0, Math.max(0, end)).trim();
  const body: Record<string, unknown> = {};
  const budget: Record<string, number> = {};
  for (const setting of text.slice(end + 1).split(",")) {
    const [name = "", value = ""] = setting.split("=").map((part) => part.trim());
    const member = MODEL_RULES.get(name);
    if (model === "" || member === undefined) {
      throw new CommandError(
        `--model-limit: write MODEL:LIMIT=N,…, not ${JSON.stringify(text)}; limits are ${
          [...MODEL_RULES.keys()].join(", ")
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

/** A century: a moment that far away can still be written. */
const LONGEST_MS = 36_500 * 24 * 3_600_000;

/** `30d`, `12h`, `45m`, a moment, or `none`: as `expires_at`. */
export function expiryBody(text: string | undefined, now: number): Record<string, unknown> {
  if (text === undefined) return {};
  if (text === "none") return { expires_at: null };
  const ms = /^\d+$/.test(text) ? NaN : durationMs(text);
  if (ms > 0 && ms <= LONGEST_MS) return { expires_at: new Date(now + ms).toISOString() };
  if (/^\d{4}-\d{2}-\d{2}/.test(text)) return { expires_at: text };
  throw new CommandError(
    `--expires: ${
      JSON.stringify(text)
    } is neither a length of time like 30d, 12h or 45m nor a moment like 2027-01-31`,
    2,
  );
}

/** `openai=FILE` for each: the keys out of the files. Keys never stand on a command line, which all users can read. */
export function keysBody(settings: readonly string[]): Record<string, unknown> {
  if (settings.length === 0) return {};
  return {
    provider_keys: Object.fromEntries(settings.map((setting) => {
      const [, endpoint, file] = /^([^=]+)=(.+)$/.exec(setting) ?? [];
      if (endpoint === undefined || file === undefined) {
        throw new CommandError(
          `--key-file: write ENDPOINT=FILE, not ${JSON.stringify(setting)}; "none" takes a key away`,
          2,
        );
      }
      return [endpoint, file === "none" ? null : readKey(file)];
    })),
  };
}

function readKey(file: string): string {
  try {
    return Deno.readTextFileSync(file).trim();
  } catch (error) {
    throw new CommandError(
      `--key-file: cannot read ${file}: ${messageOf(error)}`,
    );
  }
}

/** `--budget-day <usd>` → `budgetDay`, as the parser calls it. */
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
  throw new CommandError(`${flags.split(" <")[0]}: ${JSON.stringify(text)} is no number`, 2);
}

/** An option that has a value. */
export function textOf(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === "string" ? value : undefined;
}

/** Every `--key-file`. */
export function keyFiles(options: Options): readonly string[] {
  const value = options["keyFile"];
  return typeof value === "object" ? value : [];
}
