import { type Field, fieldValue } from "./fields.ts";

/**
 * Fields that belong to one connection and are never forwarded (RFC 9110, 7.6.1). Fields whose names begin
 * with `proxy-` also belong to the connection. `transfer-encoding` is not in the list, because it was removed
 * with the framing.
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "upgrade",
]);

/**
 * Returns a test whether a field of a message belongs to its connection. Such fields are the ones below, and
 * those that the field `connection` of the message names. The test takes names in lower case.
 */
export function hopByHopTest(fields: readonly Field[]): (lower: string) => boolean {
  const connection = fieldValue(fields, "connection");
  if (connection === undefined || isUsual(connection)) return isAlwaysHopByHop;
  // It is a set, because a head may have thousands of items and hundreds of fields.
  const named = new Set(connection.toLowerCase().split(",").map((item) => item.trim()));
  return (lower) => isAlwaysHopByHop(lower) || named.has(lower);
}

/** Whether a value of `connection` names no other field. */
function isUsual(connection: string): boolean {
  return connection === "keep-alive" || connection === "close";
}

function isAlwaysHopByHop(lower: string): boolean {
  return HOP_BY_HOP.has(lower) || lower.startsWith("proxy-");
}
