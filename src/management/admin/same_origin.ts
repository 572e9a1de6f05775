/** Refuses what another site makes a browser send. */

import { Problem } from "../api/problem.ts";

/**
 * Throws a {@link Problem} unless the request comes from the admin page itself. `SameSite=Strict` keeps the cookie
 * from other sites, but another port of the same machine is the same site. Browsers send `sec-fetch-site` over
 * HTTPS and to localhost only, so `origin` is looked at elsewhere; they send that with every request that changes
 * something, and with no navigation.
 */
export function checkSameOrigin({ method, headers }: Request): void {
  const isRead = method === "GET";
  const site = headers.get("sec-fetch-site");
  if (site === "same-origin" || site === "none" && isRead) return;
  if (site !== null) throw new Problem(403, "Another site asked for this: it is refused.");
  const origin = headers.get("origin");
  if (origin === null && isRead) return;
  const host = headers.get("host")?.toLowerCase();
  if (origin !== null && URL.canParse(origin) && new URL(origin).host === host) return;
  throw new Problem(
    403,
    "This does not come from the admin page itself. A reverse proxy in front has to pass the Host header on.",
  );
}
