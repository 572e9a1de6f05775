/** The part of a form for the limits, budgets and allowed names of a project or a token. */

import type { Project } from "./api.ts";
import { count, money } from "./format.ts";
import { Input } from "./controls.tsx";

/** The text in each field of the form, by the name of the field. */
export type Draft = Readonly<Record<string, string>>;
/** The rules of a project or a token, as in the API. */
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
  ["requests_per_minute", "Requests per minute", "The proxy answers further requests with 429."],
  ["tokens_per_minute", "Tokens per minute", "Input and output tokens together."],
  ["concurrent_requests", "Concurrent requests", "A stream counts until it ends."],
  ["max_requests", "Total requests", "The proxy rejects all requests after that number."],
] as const;
const BUDGETS = [
  ["day_usd", "Budget per day, in US dollars"],
  ["week_usd", "Budget per week, in US dollars"],
  ["month_usd", "Budget per month, in US dollars"],
  ["total_usd", "Total budget, in US dollars", "It never resets."],
] as const;
const LISTS = [
  [
    "allowed_endpoints",
    "Allowed endpoints",
    "Names, separated by commas. * matches any text. If empty, all endpoints are allowed.",
  ],
  ["allowed_models", "Allowed models", "For example: gpt-4o*, claude-*. If empty, all models are allowed."],
  [
    "allowed_paths",
    "Allowed paths",
    "Groups or paths, for example: inference, models, /v1/files*. !batches denies a group. If empty, all paths are allowed.",
  ],
] as const;

/** The fields of the form for existing rules; empty fields for new ones. */
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

/** The body of a change: the changed rules alone. An emptied field is null, which removes the rule. */
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
  const unlessEmpty = (name: string, members: Record<string, unknown>) =>
    Object.keys(members).length === 0 ? {} : { [name]: members };
  const isLimit = ([name]: readonly [string, ...unknown[]]) => name !== "max_requests";
  return {
    ...unlessEmpty("limits", changed(NUMBERS.filter(isLimit), Number)),
    ...changed(NUMBERS.filter((entry) => !isLimit(entry)), Number),
    ...unlessEmpty("budget", changed(BUDGETS, Number)),
    ...changed(LISTS, (text) => text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "")),
  };
}

/** The fields for limits, budgets and allowed names. */
export function RulesForm({ draft, onChange }: { draft: Draft; onChange: (draft: Draft) => void }) {
  const input = (
    name: string,
    [label, help]: readonly [label: string, help?: string],
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
        {NUMBERS.map(([name, ...texts]) => input(name, texts, { type: "number", min: 1, step: 1 }))}
      </fieldset>
      <fieldset>
        <legend>Budget</legend>
        <p class="help">
          Days begin at midnight and weeks on Monday, in the time zone BUDGET_TIME_ZONE. With
          BUDGET_WINDOW=rolling, the last 24 hours, 7 days and 30 days count.
        </p>
        {BUDGETS.map(([name, ...texts]) => input(name, texts, { type: "number", min: 0, step: "any" }))}
      </fieldset>
      <fieldset>
        <legend>Access</legend>
        {LISTS.map(([name, ...texts]) => input(name, texts, { type: "text" }))}
      </fieldset>
    </>
  );
}

/** The rules in a few words, for tables; empty if there are no rules. */
export function rulesText(rules: Rules): string {
  const { limits, max_requests, budget, model_limits, allowed_paths } = rules;
  const lists = LISTS.map(([name]) => rules[name]).filter((list) => list !== null);
  const forbidden = (allowed_paths ?? []).filter((path) => path.startsWith("!"));
  const only = lists.flat().filter((name) => !forbidden.includes(name));
  const isRestricted = only.length > 0 || lists.some((list) => list.length === 0);
  const parts = [
    limitsText({ ...limits, budget }),
    max_requests !== null && `${count(max_requests)} requests in total`,
    ...model_limits.map((limits) => `${limits.model}: ${limitsText(limits)}`),
    isRestricted && (only.length > 0 ? `only ${only.join(", ")}` : "nothing allowed"),
    forbidden.length > 0 && `not ${forbidden.map((path) => path.slice(1)).join(", ")}`,
  ];
  return parts.filter((part) => part !== false && part !== "").join(", ");
}

function limitsText({ budget, ...limits }: Rules["limits"] & Pick<Rules, "budget">): string {
  const parts = [
    [limits.requests_per_minute, " requests/min"],
    [limits.tokens_per_minute, " tokens/min"],
    [limits.concurrent_requests, " concurrent"],
    [budget.day_usd, "/day", true],
    [budget.week_usd, "/week", true],
    [budget.month_usd, "/month", true],
    [budget.total_usd, " in total", true],
  ] as const;
  return parts.flatMap(([value, unit, isMoney]) =>
    value === null ? [] : [(isMoney ? money(value * 1e6) : count(value)) + unit]
  ).join(", ");
}
