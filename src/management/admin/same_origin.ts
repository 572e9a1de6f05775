/** Rejects requests that another site makes a browser send. */

import { isSameOrigin } from "../../auth/page_origin.ts";
import type { Caller } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";

/**
 * Throws a `403` {@link Problem} unless the request comes from the admin page itself. `SameSite=Strict` keeps
 * the cookie from other sites, but another port of the same host is the same site, and some browsers count
 * `http:` and `https:` as one site too. Browsers send `sec-fetch-site` to HTTPS and localhost only, and old
 * browsers never do. Without it the check compares `origin`, which browsers send with each request that
 * changes something, and with no navigation.
 */
export function checkSameOrigin({ method, headers }: Request, { scheme }: Pick<Caller, "scheme">): void {
  const isRead = method === "GET";
  const site = headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none" && isRead) return;
  if (site !== null) throw new Problem(403, "Another site sent this request.");
  const origin = headers.get("origin");
  if (origin === null && isRead) return;
  const host = headers.get("host");
  if (origin !== null && host !== null && isSameOrigin(origin, { host, scheme })) return;
  throw new Problem(
    403,
    "The request does not come from the admin page. A reverse proxy in front must forward the Host header, " +
      "and a correct X-Forwarded-Proto.",
  );
}
