/** Where no token is asked for: keeps web pages in the browsers of the network from spending the proxy's key. */

import { allowedOrigin } from "./cors.ts";
import { ProxyFault } from "./faults.ts";
import { type Field, fieldValue } from "./http1/fields.ts";

/** Which pages and names are allowed besides the proxy's own. */
export interface OpenAccessRules {
  /** Origins of pages, as browsers send them; `*` is every one. */
  readonly corsOrigins: readonly string[];
  /** Host names, in small letters. */
  readonly allowedHosts: readonly string[];
  /** The name of this machine; undefined where it is not known. */
  readonly ownHostname: string | undefined;
}

/** Values of `sec-fetch-site` that name no other site: a page of the proxy's own, or the person at the browser. */
const OWN_SITES: readonly string[] = ["same-origin", "none"];
/** Names that nobody can register: RFC 6761, 6762, 8375, ICANN's `.internal`, and what routers give out. */
const LOCAL_NAME = /^[^.]+$|\.(?:localhost|local|lan|home\.arpa|internal)$/;
const NAME = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const IPV6 = /^\[[0-9a-f:.]+\]$/;

/**
 * Makes the check of requests that need no token, of every method and for WebSockets. It throws `forbidden` where
 * another site's page asks that is not allowed, or where the proxy is asked by a name that an attacker can point at
 * it, so that the browser takes the attacker's page for one of the proxy's own.
 */
export function openAccessCheck(rules: OpenAccessRules): (fields: readonly Field[]) => void {
  const names = new Set([...rules.allowedHosts, rules.ownHostname?.toLowerCase()]);
  return (fields) => {
    const host = fieldValue(fields, "host")?.toLowerCase();
    if (allowedOrigin(fields, rules.corsOrigins) === undefined) checkPage(fields, host);
    // A program may leave it out (HTTP/1.0); browsers never do.
    if (host === undefined) return;
    const name = host.replace(/:\d*$/, "").replace(/\.$/, "");
    if (IPV4.test(name) || IPV6.test(name) || names.has(name)) return;
    if (NAME.test(name) && LOCAL_NAME.test(name)) return;
    throw new ProxyFault(
      "forbidden",
      `The proxy was asked as ${host}, a name that others could point at it, and it asks for no token: ` +
        "add the name to allowed_hosts (ALLOWED_HOSTS), or let clients present a token.",
    );
  };
}

/** Throws where a page of another site asks. Not every browser sends both fields with every request. */
function checkPage(fields: readonly Field[], host: string | undefined): void {
  const origin = fieldValue(fields, "origin");
  const site = fieldValue(fields, "sec-fetch-site");
  const isOwn = origin === undefined || host !== undefined && isSameHost(origin, host);
  if (isOwn && (site === undefined || OWN_SITES.includes(site))) return;
  throw new ProxyFault(
    "forbidden",
    `A web page ${origin === undefined ? "of another site" : `at ${origin}`} asked for this, ` +
      "and the proxy asks for no token: add the page's origin to cors_origins (CORS_ORIGINS), or let clients present a token.",
  );
}

/** Whether an origin's host and port are those of a `Host`; a port that the origin's scheme implies may be left out. */
function isSameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.protocol !== "http:" && url.protocol !== "https:" || url.origin !== origin) return false;
  const own = `${url.protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === url.host;
}
