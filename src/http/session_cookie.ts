/** The cookie of the admin page's sessions: only the proxy itself sets it and reads it. */

/** What its name begins with; a port may follow. */
export const SESSION_COOKIE = "llm_proxy_session";

/** Browsers bind cookies whose names begin so to a host or to HTTPS. */
const NAME_PREFIXES = /^(?:__(?:host-http|host|secure|http)-)+/;

/** Whether a field `set-cookie` sets it, in whatever spelling. */
export function setsSessionCookie(setCookie: string): boolean {
  return isSessionCookie(setCookie.split(";", 1)[0] ?? "");
}

/** The value of a field `cookie` without it, all else byte for byte; empty where nothing else was there. */
export function withoutSessionCookie(cookies: string): string {
  const pairs = cookies.split(";");
  const kept = pairs.filter((pair) => !isSessionCookie(pair));
  if (kept.length === pairs.length) return cookies;
  const text = kept.join(";");
  return pairs[0] === kept[0] ? text : text.trimStart();
}

/**
 * Whether a pair `name=value` is it. A cookie without a name counts by its value: browsers send `=a=b` back as `a=b`.
 */
function isSessionCookie(pair: string): boolean {
  // A field may hold thousands of pairs that are too short, or empty.
  if (pair.length < SESSION_COOKIE.length) return false;
  const name = pair.replace(/^[\s="]+/, "").split("=", 1)[0] ?? "";
  const plain = decoded(name).replace(/^[\s="]+/, "").toLowerCase();
  return plain.replace(NAME_PREFIXES, "").startsWith(SESSION_COOKIE);
}

/** Twice, as a reader behind another one may do. What is no proper encoding stays as it is. */
function decoded(name: string): string {
  const once = (text: string) =>
    text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return once(once(name));
}
