/** What a project or a token may do, as a form. */

import type { Project } from "./api.ts";
import { Input } from "./controls.tsx";

/** What is typed, by the name of its field. */
export type Draft = Readonly<Record<string, string>>;
/** Rules as the API gives them. */
type Rules = Pick<Project, "limits" | "max_requests" | "budget" | "allowed_endpoints" | "allowed_models">;

const NUMBERS = [
  ["requests_per_minute", "Requests per minute", "More are refused with 429 until the minute is over."],
  ["tokens_per_minute", "Tokens per minute", "Input and output together."],
  ["concurrent_requests", "Requests at the same time", "A stream counts until it has ended."],
  ["max_requests", "Requests in all", "After so many none is let in any more."],
] as const;
const BUDGETS = [
  ["day_usd", "Budget per day, in US dollars", "A day ends at midnight UTC."],
  ["month_usd", "Budget per month, in US dollars", "A month ends with its last day, UTC."],
  ["total_usd", "Budget in all, in US dollars", "Once it is spent nothing is let in any more."],
] as const;
const LISTS = [
  ["allowed_endpoints", "Endpoints", "Names with commas between them; * stands for anything. Empty: all."],
  ["allowed_models", "Models", "Like gpt-4o*, claude-*. Empty: all."],
] as const;

/** What the form begins with. */
export function draftOf(rules: Rules | undefined): Draft {
  const text = (value: number | null | undefined) => value == null ? "" : String(value);
  return {
    requests_per_minute: text(rules?.limits.requests_per_minute),
    tokens_per_minute: text(rules?.limits.tokens_per_minute),
    concurrent_requests: text(rules?.limits.concurrent_requests),
    max_requests: text(rules?.max_requests),
    day_usd: text(rules?.budget.day_usd),
    month_usd: text(rules?.budget.month_usd),
    total_usd: text(rules?.budget.total_usd),
    allowed_endpoints: rules?.allowed_endpoints?.join(", ") ?? "",
    allowed_models: rules?.allowed_models?.join(", ") ?? "",
  };
}

/** What the API is told: what is empty holds no more. */
export function rulesOf(draft: Draft) {
  const number = (name: string) => draft[name]?.trim() ? Number(draft[name]) : null;
  const list = (name: string) => {
    const entries = (draft[name] ?? "").split(",").map((entry) => entry.trim()).filter((entry) =>
      entry !== ""
    );
    return entries.length === 0 ? null : entries;
  };
  return {
    limits: {
      requests_per_minute: number("requests_per_minute"),
      tokens_per_minute: number("tokens_per_minute"),
      concurrent_requests: number("concurrent_requests"),
    },
    max_requests: number("max_requests"),
    budget: { day_usd: number("day_usd"), month_usd: number("month_usd"), total_usd: number("total_usd") },
    allowed_endpoints: list("allowed_endpoints"),
    allowed_models: list("allowed_models"),
  };
}

export function RulesForm({ draft, onChange }: { draft: Draft; onChange: (draft: Draft) => void }) {
  const input = (
    name: string,
    [label, help]: readonly [string, string],
    settings: Omit<Parameters<typeof Input>[0], "label" | "value" | "set">,
  ) => (
    <Input
      key={name}
      label={label}
      help={help}
      name={name}
      {...settings}
      value={draft[name] ?? ""}
      set={(value) => onChange({ ...draft, [name]: value })}
    />
  );
  return (
    <>
      <fieldset>
        <legend>Limits</legend>
        {NUMBERS.map(([name, ...words]) => input(name, words, { type: "number", min: 1, step: 1 }))}
      </fieldset>
      <fieldset>
        <legend>Budget</legend>
        {BUDGETS.map(([name, ...words]) => input(name, words, { type: "number", min: 0, step: "any" }))}
      </fieldset>
      <fieldset>
        <legend>Only for</legend>
        {LISTS.map(([name, ...words]) => input(name, words, { type: "text" }))}
      </fieldset>
    </>
  );
}

/** In a few words, for lists. */
export function rulesText({ limits, max_requests, budget }: Rules): string {
  const parts = [
    limits.requests_per_minute !== null && `${limits.requests_per_minute}/min`,
    limits.tokens_per_minute !== null && `${limits.tokens_per_minute} tokens/min`,
    limits.concurrent_requests !== null && `${limits.concurrent_requests} at once`,
    max_requests !== null && `${max_requests} in all`,
    budget.day_usd !== null && `$${budget.day_usd}/day`,
    budget.month_usd !== null && `$${budget.month_usd}/month`,
    budget.total_usd !== null && `$${budget.total_usd} in all`,
  ];
  return parts.filter((part) => part !== false).join(", ") || "no limit";
}
