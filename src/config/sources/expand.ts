import type { Finding, KeyPath } from "../problem.ts";

/** A file's values with every `${NAME}` replaced. */
export interface Expanded {
  readonly tree: unknown;
  /** The variables that stood in each value, by its path as JSON. */
  readonly variables: ReadonlyMap<string, readonly string[]>;
  readonly findings: readonly Finding[];
}

const REFERENCE = /\$(\$\{)|\$\{([^}]*)\}/g;

/** Replaces `${NAME}` in all texts of a tree; `$${` stands for `${` itself. */
export function expandVariables(tree: unknown, get: (name: string) => string | undefined): Expanded {
  const findings: Finding[] = [];
  const variables = new Map<string, readonly string[]>();
  const expandText = (text: string, path: KeyPath): string => {
    const names: string[] = [];
    const expanded = text.replace(REFERENCE, (_, escaped: string | undefined, name: string = "") => {
      if (escaped !== undefined) return escaped;
      // What is no name may be a key in the wrong place: it is not repeated.
      if (!/^[A-Za-z_]\w*$/.test(name)) {
        findings.push({
          at: path,
          message: "holds a ${…} that is no variable's name: only ${NAME} is known here",
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

/** Whether a value of a parsed file is a table. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
