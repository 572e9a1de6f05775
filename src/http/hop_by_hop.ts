import { type Field, fieldValue } from "./fields.ts";

/** Fields that belong to one connection and never travel on (RFC 9110, 7.6.1). `proxy-*` belong to them too. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "upgrade",
]);

/**
 * Tells which fields of a message belong to its connection: the known ones, and all that its own `connection`
 * field names. Takes names in lower case.
 */
export function hopByHopTest(fields: readonly Field[]): (lower: string) => boolean {
  const connection = fieldValue(fields, "connection");
  const named = connection === undefined
    ? undefined
    : connection.toLowerCase().split(",").map((item) => item.trim());
  return (lower) => HOP_BY_HOP.has(lower) || lower.startsWith("proxy-") || named?.includes(lower) === true;
}
