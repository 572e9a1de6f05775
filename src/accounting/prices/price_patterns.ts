/**
 * Checks the patterns of a list of prices. The proxy tests names that clients choose against them. So a
 * pattern must be fast for long names, and must not match other names than those of its model.
 */

const MAX_PATTERN = 500;
const MAX_DEPTH = 6;
const MAX_ITEMS = 500;
/**
 * The most unbounded repetitions of a pattern, and its most parts of variable length. Each of them multiplies
 * the work.
 */
const MAX_REPEATED = 2;
const MAX_VARIABLE = 4;
/** The most alternatives of a pattern. Patterns of the built-in list have at most 9. */
const MAX_ALTERNATIVES = 12;
/** The highest number of repetitions in a pattern. */
const MAX_TIMES = 20;
/**
 * URLs of servers that belong to no provider. A pattern that matches one of them would give every endpoint a
 * price.
 */
const ELSEWHERE = ["https://nothing.invalid/v1", "http://127.0.0.1:8000/v1", "http://nothing.invalid/v1"];
const TEXT_CLAUSES: readonly string[] = ["contains", "ends_with", "equals", "starts_with"];

/** Returns the problem of a regular expression, as the end of a sentence. `undefined` if it is valid. */
export function patternProblem(
  value: unknown,
  { ofAddresses = false }: { ofAddresses?: boolean } = {},
): string | undefined {
  if (typeof value !== "string" || value === "" || value.length > MAX_PATTERN) {
    return `is not a string of 1 to ${MAX_PATTERN} characters`;
  }
  let expression: RegExp;
  try {
    expression = new RegExp(ofAddresses ? `^(?:${value})` : value);
  } catch {
    return "is not a regular expression";
  }
  // An escape or a class counts as one character.
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
  if (ofAddresses && ELSEWHERE.some((url) => expression.test(url))) return "matches URLs of other servers";
  return undefined;
}

/**
 * Returns the problem of a clause that matches names, as the end of a sentence. `undefined` if it is valid.
 */
export function matchProblem(value: unknown, depth = 0): string | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not a table";
  if (depth > MAX_DEPTH) return "is nested too deeply";
  const entries = Object.entries(value);
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) return "does not have exactly one clause";
  const [clause, operand] = entry;
  if (clause === "and" || clause === "or") {
    if (!Array.isArray(operand) || operand.length === 0 || operand.length > MAX_ITEMS) {
      return `does not have 1 to ${MAX_ITEMS} clauses in ${clause}`;
    }
    return operand.map((one) => matchProblem(one, depth + 1)).find((problem) => problem !== undefined);
  }
  if (clause === "regex") return patternProblem(operand);
  if (!TEXT_CLAUSES.includes(clause)) return "has an unknown clause";
  return typeof operand === "string" && operand !== "" && operand.length <= MAX_PATTERN
    ? undefined
    : `is not a string of 1 to ${MAX_PATTERN} characters in ${clause}`;
}
