/**
 * The patterns of a list of prices. They are tried on names that clients choose: none may take long for a long
 * name, and
 * none may match what it is not for.
 */

const MAX_PATTERN = 500;
const MAX_DEPTH = 6;
const MAX_ITEMS = 500;
/** Repetitions without an end that a pattern may have, and parts of any kind whose length varies: each multiplies. */
const MAX_REPEATED = 2;
const MAX_VARIABLE = 4;
/** The built-in list has 9 at most. */
const MAX_ALTERNATIVES = 12;
/** The greatest number of repetitions that a pattern may state. */
const MAX_TIMES = 20;
/** No provider is there: a pattern that matches one of these would price every endpoint. */
const ELSEWHERE = ["https://nothing.invalid/v1", "http://127.0.0.1:8000/v1", "http://nothing.invalid/v1"];
const TEXT_CLAUSES: readonly string[] = ["contains", "ends_with", "equals", "starts_with"];

/** What is wrong with a regular expression; undefined: nothing. */
export function patternProblem(
  value: unknown,
  { ofAddresses = false }: { ofAddresses?: boolean } = {},
): string | undefined {
  if (typeof value !== "string" || value === "" || value.length > MAX_PATTERN) {
    return `is not a text of 1 to ${MAX_PATTERN} characters`;
  }
  let expression: RegExp;
  try {
    expression = new RegExp(ofAddresses ? `^(?:${value})` : value);
  } catch {
    return "is not a regular expression";
  }
  // Escapes and classes are one character each.
  const plain = value.replace(/\\./g, "x").replace(/\[[^\]]*\]/g, "x");
  if (/\)(?:[*+]|\{)/.test(plain)) return "repeats a group, which can take very long";
  const count = (what: RegExp): number => (plain.match(what) ?? []).length;
  const times = [...plain.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].flatMap(([, least, most]) => [least, most]);
  if (
    count(/[*+]|\{\d+,\}/g) > MAX_REPEATED || count(/[*+]|\{\d+,\d*\}|(?<!\()\?/g) > MAX_VARIABLE ||
    times.some((number) => Number(number ?? 0) > MAX_TIMES)
  ) {
    return "repeats too much, which can take very long";
  }
  if (count(/\|/g) > MAX_ALTERNATIVES) return "has too many alternatives, which can take very long";
  if (ofAddresses && ELSEWHERE.some((url) => expression.test(url))) return "matches addresses of others";
  return undefined;
}

/** What is wrong with a clause that matches names; undefined: nothing. */
export function matchProblem(value: unknown, depth = 0): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is no table";
  if (depth > MAX_DEPTH) return "is nested too deeply";
  const entries = Object.entries(value);
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) return "has not one clause";
  const [clause, operand] = entry;
  if (clause === "and" || clause === "or") {
    if (!Array.isArray(operand) || operand.length === 0 || operand.length > MAX_ITEMS) {
      return `has not 1 to ${MAX_ITEMS} clauses in ${clause}`;
    }
    return operand.map((one) => matchProblem(one, depth + 1)).find((problem) => problem !== undefined);
  }
  if (clause === "regex") return patternProblem(operand);
  if (!TEXT_CLAUSES.includes(clause)) return "has a clause that is not known";
  return typeof operand === "string" && operand !== "" && operand.length <= MAX_PATTERN
    ? undefined
    : `is not a text of 1 to ${MAX_PATTERN} characters in ${clause}`;
}
