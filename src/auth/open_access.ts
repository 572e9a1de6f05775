/** Without a token, keeps web pages in the browsers of the network from using the proxy's keys. */

import { allowedOrigin } from "../http/cors.ts";
import { ProxyFault } from "../faults.ts";
import { type Field, fieldValue } from "../http/fields.ts";
import { type OwnNames, ownNameTest } from "./own_names.ts";
import { pageSigns } from "./page_origin.ts";

/** The web pages and host names that are allowed besides the proxy's own. */
export interface OpenAccessRules extends OwnNames {
  /** Origins of pages, as browsers send them. `*` allows all. */
  readonly corsOrigins: readonly string[];
}

/**
 * Makes the check of requests that need no token, for all methods and for WebSockets. The check throws a
 * `forbidden` fault if a page of another site sent the request and is not allowed, or if the `Host` is a name
 * that an attacker can register. A browser would treat a page behind such a name as a page of the proxy (DNS
 * rebinding).
 */
export function openAccessCheck(rules: OpenAccessRules): (fields: readonly Field[]) => void {
  const isOwnName = ownNameTest(rules);
  return (fields) => {
    if (allowedOrigin(fields, rules.corsOrigins) === undefined) checkPage(fields);
    const host = fieldValue(fields, "host")?.toLowerCase();
    // Programs may leave it out (HTTP/1.0). Browsers always send it.
    if (host === undefined || isOwnName(host)) return;
    throw new ProxyFault(
      "forbidden",
      `The proxy requires no token, and does not know the host name ${host}: ` +
        "add the name to allowed_hosts (ALLOWED_HOSTS), or require a token.",
    );
  };
}

/** Throws if a page of another site sent the request. */
function checkPage(fields: readonly Field[]): void {
  const { isOwn, origin } = pageSigns(fields);
  if (isOwn) return;
  throw new ProxyFault(
    "forbidden",
    `The proxy requires no token, and a web page ${
      origin === undefined ? "of another site" : `at ${origin}`
    } ` +
      "sent this request: add the page's origin to cors_origins (CORS_ORIGINS), or require a token.",
  );
}
