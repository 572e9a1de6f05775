/**
 * Response headers of an upstream that would speak for the proxy itself: a program in front of the proxy acts
 * on them, or a browser applies them to everything at the proxy's address. The proxy removes them. All names
 * are in lower case.
 */

import type { Field } from "../http/fields.ts";
import { setsSessionCookie } from "../http/session_cookie.ts";

/**
 * Prefixes of fields that belong to the proxy, or that a reverse proxy in front obeys. All begin with `x-`.
 */
const WITHHELD_PREFIXES: readonly string[] = [
  // Only the proxy sets these: x-llm-proxy-error distinguishes its errors from those of a provider.
  "x-llm-proxy-",
  // nginx: serves an internal file or location; changes the cache, the charset and the rate.
  "x-accel-",
  // Apache and lighttpd: serves a file of the machine in place of the body.
  "x-sendfile",
  "x-lighttpd-send-",
  // Perlbal and others: fetches another address or file and serves that.
  "x-reproxy-",
  // LiteSpeed: continues at another location; empties the cache.
  "x-litespeed-",
];

/** The one allowed `x-accel-` header: it affects only this response. */
const ALLOWED: ReadonlySet<string> = new Set(["x-accel-buffering"]);

/**
 * Fields that describe the origin of a response and not the response: browsers apply them to everything at
 * the proxy's host, or to later requests. The comments say what each would do. Fields that describe the
 * response alone pass, although the provider's CDN adds them: `cf-ray`, `cf-cache-status`, `server`, `via`,
 * `x-frame-options`, `cross-origin-*`, `permissions-policy`, `link`, `server-timing`.
 */
const WITHHELD: ReadonlySet<string> = new Set([
  // Sends later requests, tokens included, to another host or port.
  "alt-svc",
  // Signs users out of the admin page and deletes its data.
  "clear-site-data",
  // Locks a proxy on plain HTTP out of every browser, for its host name with all ports.
  "strict-transport-security",
  "public-key-pins",
  "public-key-pins-report-only",
  // Rejects a certificate of the proxy's own authority.
  "expect-ct",
  // Report requests to the proxy, with their addresses, to another host.
  "nel",
  "report-to",
  "reporting-endpoints",
  // Lets a script below one path respond for all paths.
  "service-worker-allowed",
  // Sends the browser to another address.
  "refresh",
  // Make the browser send more about itself with every request.
  "accept-ch",
  "critical-ch",
  // Changes how the browser isolates the proxy's pages.
  "origin-agent-cluster",
  // States who is signed in at the origin.
  "set-login",
  // Makes the browser compress later responses of the host with this one.
  "use-as-dictionary",
  // Binds a session at the host to a key of the browser.
  "sec-session-registration",
  "sec-session-challenge",
]);

/**
 * Names of the cookies by which Cloudflare recognizes a visitor of the provider. The visitor is this proxy,
 * and the cookies would expire within the half hour at each client. `__cflb` passes: it keeps a session with
 * its server.
 */
const CDN_COOKIE = /^\s*(?:__cf_bm|_cfuvid|__cfruid|cf_clearance|__cfwaitingroom)\s*=/;

/** Whether clients do not get a field of an upstream's response. */
export function isWithheldFromClients({ lower, value }: Field): boolean {
  if (WITHHELD.has(lower)) return true;
  if (lower === "set-cookie") return setsSessionCookie(value) || CDN_COOKIE.test(value);
  return lower.startsWith("x-") && WITHHELD_PREFIXES.some((prefix) => lower.startsWith(prefix)) &&
    !ALLOWED.has(lower);
}
