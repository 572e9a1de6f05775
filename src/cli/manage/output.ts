/** How the commands `project`, `token` and `usage` print the responses of the API. */

import type * as v from "valibot";
import type * as responses from "../../management/api/responses.ts";
import { writeResult } from "../output.ts";

type Project = v.InferOutput<typeof responses.project>;
type Token = v.InferOutput<typeof responses.token>;

/** Prints a project or a token, one member per line. Members of objects get one line each. */
export function showOne(item: Project | Token): void {
  writeResult(item, () => {
    const { model_limits, ...others } = item;
    const shown = {
      ...others,
      model_limits: Object.fromEntries(
        model_limits.map(({ model, ...limits }) => [model, limitTexts(limits).join(", ")]),
      ),
    };
    const lines = Object.entries(shown).flatMap(([name, value]): [string, string][] => {
      if (typeof value !== "object" || value === null || Array.isArray(value)) return [[name, plain(value)]];
      return Object.entries(value).map(([inner, item]) => [`${name}.${inner}`, plain(item)]);
    });
    const width = Math.max(...lines.map(([name]) => name.length));
    return lines.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
  });
}

/** The projects of a person in a few words. `projects` has their ids. */
export function projectsText(projects: "all" | readonly string[]): string {
  if (projects === "all") return "all projects";
  return projects.length === 0
    ? "no project"
    : projects.length === 1
    ? "1 project"
    : `${projects.length} projects`;
}

function plain(value: unknown): string {
  if (value === null) return "-";
  if (Array.isArray(value)) return value.join(", ");
  if (typeof value === "object" && "suffix" in value) return `…${value.suffix}`;
  return String(value);
}

/** The limits and budgets of a project or a token in one line, or `-` if it has none. */
export function rulesText(
  { limits, max_requests, budget, model_limits, allowed_endpoints, allowed_models, allowed_paths }:
    | Project
    | Token,
): string {
  return [
    ...limitTexts({ ...limits, budget }),
    ...(max_requests === null ? [] : [`${max_requests} requests`]),
    ...model_limits.map(({ model, ...limits }) => `${model}: ${limitTexts(limits).join(" and ")}`),
    ...(allowed_endpoints === null ? [] : [`endpoints ${allowed_endpoints.join(",")}`]),
    ...(allowed_models === null ? [] : [`models ${allowed_models.join(",")}`]),
    ...(allowed_paths === null ? [] : [`paths ${allowed_paths.join(",")}`]),
  ].join(", ") || "-";
}

function limitTexts(
  { budget, ...limits }: Project["limits"] & Pick<Project, "budget">,
): string[] {
  const texts = [
    [limits.requests_per_minute, (n: number) => `${n} requests/min`],
    [limits.tokens_per_minute, (n: number) => `${n} tokens/min`],
    [limits.concurrent_requests, (n: number) => `${n} at a time`],
    [budget.day_usd, (n: number) => `$${n}/day`],
    [budget.week_usd, (n: number) => `$${n}/week`],
    [budget.month_usd, (n: number) => `$${n}/month`],
    [budget.total_usd, (n: number) => `$${n}`],
  ] as const;
  return texts.flatMap(([value, format]) => value === null ? [] : [format(value)]);
}

/** An amount of micro-dollars, like `$1.25`. Less than a cent gets six decimals. */
export function dollars(micros: number): string {
  return `$${(micros / 1_000_000).toFixed(micros > 0 && micros < 10_000 ? 6 : 2)}`;
}

/** A time in UTC like `2026-11-21 14:02`, or `-` for null. */
export function shortTime(moment: string | null): string {
  return moment === null ? "-" : moment.slice(0, 16).replace("T", " ");
}
