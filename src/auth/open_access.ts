/** Where no token is asked for: keeps web pages in the browsers of the network from spending the proxy's key. */

import { allowedOrigin } from "../http/cors.ts";
import { ProxyFault } from "../faults.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { type OwnNames, ownNameTest } from "./own_names.ts";
import { pageSigns } from "./page_origin.ts";

/** Which pages and names are allowed besides the proxy's own. */
export interface OpenAccessRules extends OwnNames {
  /** Origins of pages, as browsers send them; `*` is every one. */
  readonly corsOrigins: readonly string[];
}

/**
 * Makes the check of requests that need no token, of every method and for WebSockets. It throws `forbidden` where
 * another site's page asks that is not allowed, or where the proxy is asked by a name that an attacker can point at
 * it, so that the browser takes the attacker's page for one of the proxy's own.
 */
export function openAccessCheck(rules: OpenAccessRules): (fields: readonly Field[]) => void {
  const isOwnName = ownNameTest(rules);
  return (fields) => {
    if (allowedOrigin(fields, rules.corsOrigins) === undefined) checkPage(fields);
    const host = fieldValue(fields, "host")?.toLowerCase();
    // A program may leave it out (HTTP/1.0); browsers never do.
    if (host === undefined || isOwnName(host)) return;
    throw new ProxyFault(
      "forbidden",
      `The proxy was asked as ${host}, a name that others could point at it, and it asks for no token: ` +
        "add the name to allowed_hosts (ALLOWED_HOSTS), or let clients present a token.",
    );
  };
}

/** Throws where a page of another site asks. */
function checkPage(fields: readonly Field[]): void {
  const { isOwn, origin } = pageSigns(fields);
  if (isOwn) return;
  throw new ProxyFault(
    "forbidden",
    `A web page ${origin === undefined ? "of another site" : `at ${origin}`} asked for this, ` +
      "and the proxy asks for no token: add the page's origin to cors_origins (CORS_ORIGINS), or let clients present a token.",
  );
}
