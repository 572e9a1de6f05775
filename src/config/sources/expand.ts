import type { Finding, KeyPath } from "../problem.ts";

/** The values of a file after `${NAME}` was replaced. */
export interface Expanded {
  /** The parsed file with the values of the variables. */
  readonly tree: unknown;
  /** The names of the variables in each value. The key is the path of the value as JSON. */
  readonly variables: ReadonlyMap<string, readonly string[]>;
  /** A problem for each variable that is not set, and for each invalid reference. */
  readonly findings: readonly Finding[];
}

const REFERENCE = /\$(\$\{)|\$\{([^}]*)\}/g;

/** Replaces `${NAME}` in all strings of a parsed file. `$${` becomes `${`. */
export function expandVariables(tree: unknown, get: (name: string) => string | undefined): Expanded {
  const findings: Finding[] = [];
  const variables = new Map<string, readonly string[]>();
  const expandText = (text: string, path: KeyPath): string => {
    const names: string[] = [];
    const expanded = text.replace(REFERENCE, (_, escaped: string | undefined, name: string = "") => {
      if (escaped !== undefined) return escaped;
      // An invalid name may be a key in the wrong place: the message leaves it out.
      if (!/^[A-Za-z_]\w*$/.test(name)) {
        findings.push({
          at: path,
          message: "contains a ${…} without a valid variable name: write ${NAME}",
        });
        return "";
      }
      names.push(name);
      const value = get(name);
      if (value === undefined) {
        findings.push({ at: path, message: `names \${${name}}, which is not set in the environment` });
      }
      return value ?? "";
    });
    if (names.length > 0) variables.set(JSON.stringify(path), names);
    return expanded;
  };
  const expand = (value: unknown, path: KeyPath): unknown => {
    if (typeof value === "string") return expandText(value, path);
    if (Array.isArray(value)) return value.map((item, index) => expand(item, [...path, index]));
    if (!isTable(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, expand(item, [...path, key])]),
    );
  };
  return { tree: expand(tree, []), variables, findings };
}

/** Whether a value of a parsed file is a table of TOML or an object of JSON. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
