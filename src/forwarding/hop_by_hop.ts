/** Headers that belong to one connection and never travel on (RFC 9110, 7.6.1). `proxy-*` belong to them too. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Tells which headers of a message belong to its connection: the known ones, and all that its own
 * `connection` header names. Takes names in lower case.
 */
export function hopByHopTest(connection: string | null): (name: string) => boolean {
  const named = connection === null ? undefined : new Set(
    connection.toLowerCase().split(",").map((item) => item.trim()),
  );
  return (name) => HOP_BY_HOP.has(name) || name.startsWith("proxy-") || named?.has(name) === true;
}
