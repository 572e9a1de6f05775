import { isTable } from "./expand.ts";
import type { KeyPath } from "../problem.ts";

/** Matches the names of headers that carry credentials. */
const SECRET_HEADER = /auth|key|token|secret|cookie/i;

/**
 * The keys of secrets that a parsed file contains in plain text instead of as `${NAME}`, whether used or not.
 */
export function literalSecrets(tree: unknown, path: KeyPath = []): KeyPath[] {
  if (Array.isArray(tree)) return tree.flatMap((item, index) => literalSecrets(item, [...path, index]));
  if (isTable(tree)) {
    return Object.entries(tree).flatMap(([key, item]) => literalSecrets(item, [...path, key]));
  }
  return typeof tree === "string" && holdsSecret(path, tree.replace(/\$\{[^}]*\}/g, "")) ? [path] : [];
}

/** Whether a key is for a secret and `rest`, its value without `${NAME}`, is one. */
function holdsSecret(path: KeyPath, rest: string): boolean {
  const key = path.at(-1);
  const isHeader = path.at(-2) === "headers" && SECRET_HEADER.test(String(key));
  if (key === "api_key") return rest !== "" && rest !== "none" && rest !== "passthrough";
  if (path.at(-2) === "api_keys") return rest !== "";
  if (
    key === "token" || key === "encryption_key" || key === "limits_password" || key === "client_secret" ||
    isHeader
  ) {
    return rest !== "";
  }
  return (key === "proxy_url" || key === "database_url" || key === "limits_url") &&
    /:\/\/[^/]*:[^/:@]+@/.test(rest);
}
