/** What a project or a token may do, as a form. */

import type { Project } from "./api.ts";
import { count, money } from "./format.ts";
import { Input } from "./controls.tsx";

/** What is typed, by the name of its field. */
export type Draft = Readonly<Record<string, string>>;
/** Rules as the API gives them. */
type Rules = Pick<
  Project,
  | "limits"
  | "max_requests"
  | "budget"
  | "model_limits"
  | "allowed_endpoints"
  | "allowed_models"
  | "allowed_paths"
>;

const NUMBERS = [
  ["requests_per_minute", "Requests per minute", "More are refused with 429 until the minute is over."],
  ["tokens_per_minute", "Tokens per minute", "Input and output together."],
  ["concurrent_requests", "Requests at the same time", "A stream counts until it has ended."],
  ["max_requests", "Requests in all", "After so many none is let in any more."],
] as const;
const BUDGETS = [
  ["day_usd", "Budget per day, in US dollars", "A day ends at midnight of budget_time_zone."],
  ["week_usd", "Budget per week, in US dollars", "A week ends on Sunday."],
  ["month_usd", "Budget per month, in US dollars", "A month ends with its last day."],
  ["total_usd", "Budget in all, in US dollars", "Once it is spent nothing is let in any more."],
] as const;
const LISTS = [
  ["allowed_endpoints", "Endpoints", "Names with commas between them; * stands for anything. Empty: all."],
  ["allowed_models", "Models", "Like gpt-4o*, claude-*. Empty: all."],
  ["allowed_paths", "Paths", "Like /v1/models; !*/files* refuses those. Empty: all."],
] as const;

/** What the form begins with. */
export function draftOf(rules: Rules | undefined): Draft {
  const numbers: Readonly<Record<string, number | null | undefined>> = {
    ...rules?.limits,
    ...rules?.budget,
    max_requests: rules?.max_requests,
  };
  return Object.fromEntries([
    ...[...NUMBERS, ...BUDGETS].map(([name]) => [name, String(numbers[name] ?? "")]),
    ...LISTS.map(([name]) => [name, rules?.[name]?.join(", ") ?? ""]),
  ]);
}

/** What the API is told: nothing of what was left as it was; what was emptied holds no more. */
export function changedRules(before: Draft, after: Draft) {
  const changed = (
    names: readonly (readonly [name: string, ...rest: unknown[]])[],
    read: (text: string) => unknown,
  ) =>
    Object.fromEntries(
      names.flatMap(([name]) => {
        const text = (after[name] ?? "").trim();
        return text === before[name] ? [] : [[name, text === "" ? null : read(text)]];
      }),
    );
  const within = (name: string, members: Record<string, unknown>) =>
    Object.keys(members).length === 0 ? {} : { [name]: members };
  const isLimit = ([name]: readonly [string, ...unknown[]]) => name !== "max_requests";
  return {
    ...within("limits", changed(NUMBERS.filter(isLimit), Number)),
    ...changed(NUMBERS.filter((entry) => !isLimit(entry)), Number),
    ...within("budget", changed(BUDGETS, Number)),
    ...changed(LISTS, (text) => text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "")),
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
export function rulesText(rules: Rules): string {
  const { limits, max_requests, budget, model_limits, allowed_paths } = rules;
  const lists = LISTS.map(([name]) => rules[name]).filter((list) => list !== null);
  const refused = (allowed_paths ?? []).filter((path) => path.startsWith("!"));
  const only = lists.flat().filter((name) => !refused.includes(name));
  const isRestricted = only.length > 0 || lists.some((list) => list.length === 0);
  const parts = [
    limitsText({ ...limits, budget }),
    max_requests !== null && `${count(max_requests)} in all`,
    ...model_limits.map((limits) => `${limits.model}: ${limitsText(limits)}`),
    isRestricted && `only ${only.join(", ") || "nothing"}`,
    refused.length > 0 && `not ${refused.map((path) => path.slice(1)).join(", ")}`,
  ];
  return parts.filter((part) => part !== false && part !== "").join(", ");
}

function limitsText({ budget, ...limits }: Rules["limits"] & Pick<Rules, "budget">): string {
  const parts = [
    [limits.requests_per_minute, "/min"],
    [limits.tokens_per_minute, " tokens/min"],
    [limits.concurrent_requests, " at once"],
    [budget.day_usd, "/day", true],
    [budget.week_usd, "/week", true],
    [budget.month_usd, "/month", true],
    [budget.total_usd, " in all", true],
  ] as const;
  return parts.flatMap(([value, unit, isMoney]) =>
    value === null ? [] : [(isMoney ? money(value * 1e6) : count(value)) + unit]
  ).join(", ");
}
