/**
 * What of an upstream's answer would become the proxy's own word: fields on which a program in front of the proxy
 * acts, and fields by which a browser changes what it thinks of everything that comes from the proxy's address.
 * An upstream may say nothing of the kind. All names are in lower case.
 */

import type { Field } from "../http/fields.ts";
import { setsSessionCookie } from "../http/session_cookie.ts";

/** Fields that are the proxy's own, or that a reverse proxy in front takes as orders; by what their names begin with. */
const WITHHELD_PREFIXES: readonly string[] = [
  // The proxy's own: x-llm-proxy-error tells its errors from a provider's.
  "x-llm-proxy-",
  // nginx: serve an internal file or location, change the cache, the charset and the rate.
  "x-accel-",
  // Apache and lighttpd: serve a file of the machine in place of the body.
  "x-sendfile",
  "x-lighttpd-send-",
  // Perlbal and others: fetch another address or file and serve that.
  "x-reproxy-",
  // LiteSpeed: go on at another location; empty the cache.
  "x-litespeed-",
];

/** nginx: whether it holds the answer back; it says nothing of another answer. */
const ALLOWED: ReadonlySet<string> = new Set(["x-accel-buffering"]);

/** Fields that hold for the whole origin of an answer, or for what is asked of it later; each with what it would do. */
const WITHHELD: ReadonlySet<string> = new Set([
  // Sends later requests, tokens included, to another host or port.
  "alt-svc",
  // Signs people out of the admin page and empties what it keeps.
  "clear-site-data",
  // Locks a proxy on plain HTTP out of every browser, for its host name with all ports.
  "strict-transport-security",
  "public-key-pins",
  "public-key-pins-report-only",
  // Report what is asked of the proxy, addresses included, to another host.
  "nel",
  "report-to",
  "reporting-endpoints",
  // Lets a script beneath one path answer for all paths.
  "service-worker-allowed",
  // Leads the browser to another address.
  "refresh",
  // Make the browser tell more of itself with every request.
  "accept-ch",
  "critical-ch",
  // Changes how the browser keeps the proxy's pages apart.
  "origin-agent-cluster",
  // Says who is signed in at the origin.
  "set-login",
]);

/** Whether a field of an upstream's answer stays behind. */
export function isWithheldFromClients({ lower, value }: Field): boolean {
  if (WITHHELD.has(lower)) return true;
  if (lower === "set-cookie") return setsSessionCookie(value);
  return WITHHELD_PREFIXES.some((prefix) => lower.startsWith(prefix)) && !ALLOWED.has(lower);
}
