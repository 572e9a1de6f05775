/** The cookie of the sessions of the admin page. Only the proxy sets it and reads it. */

/** The start of the name of the session cookie. A port may follow. */
export const SESSION_COOKIE = "llm_proxy_session";

/** Prefixes of the names of cookies. Browsers bind cookies with these prefixes to a host or to HTTPS. */
const NAME_PREFIXES = /^(?:__(?:host-http|host|secure|http)-)+/;

/** Whether the value of a field `set-cookie` sets the session cookie, in any spelling. */
export function setsSessionCookie(setCookie: string): boolean {
  return isSessionCookie(setCookie.split(";", 1)[0] ?? "");
}

/**
 * Removes the session cookie from the value of a field `cookie`. The rest stays unchanged, byte for byte, and
 * may be empty.
 */
export function withoutSessionCookie(cookies: string): string {
  const pairs = cookies.split(";");
  const kept = pairs.filter((pair) => !isSessionCookie(pair));
  if (kept.length === pairs.length) return cookies;
  const text = kept.join(";");
  return pairs[0] === kept[0] ? text : text.trimStart();
}

/**
 * Whether a pair `name=value` is the session cookie. If a cookie has no name, its value counts as its name,
 * because browsers send `=a=b` back as `a=b`.
 */
function isSessionCookie(pair: string): boolean {
  // This comparison comes first, because a field may contain thousands of pairs that are too short or empty.
  if (pair.length < SESSION_COOKIE.length) return false;
  const name = pair.replace(/^[\s="]+/, "").split("=", 1)[0] ?? "";
  const plain = decoded(name).replace(/^[\s="]+/, "").toLowerCase();
  return plain.replace(NAME_PREFIXES, "").startsWith(SESSION_COOKIE);
}

/**
 * Decodes percent-encoding twice, because another server may decode it again. Invalid encoding stays
 * unchanged.
 */
function decoded(name: string): string {
  const once = (text: string) =>
    text.replace(/%([0-9a-f]{2})/gi, (_, digits) => String.fromCharCode(parseInt(digits, 16)));
  return once(once(name));
}
