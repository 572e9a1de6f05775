/** Whether a web page of another site asks, by what browsers say of it. */

import { type Field, fieldValue } from "../http/fields.ts";

/** Values of `sec-fetch-site` that name no other site: a page of the proxy's own, or the person at the browser. */
const OWN_SITES: readonly string[] = ["same-origin", "none"];

/** What the fields of a request say of the page that asks: nothing where they have neither field. */
export interface PageSigns {
  /** Neither field contradicts the proxy's own origin. */
  readonly isOwn: boolean;
  readonly origin: string | undefined;
  readonly site: string | undefined;
}

/** Reads `Origin` and `Sec-Fetch-Site`. Not every browser sends both with every request. */
export function pageSigns(fields: readonly Field[]): PageSigns {
  const host = fieldValue(fields, "host")?.toLowerCase();
  const origin = fieldValue(fields, "origin");
  const site = fieldValue(fields, "sec-fetch-site");
  const isOwnOrigin = origin === undefined || host !== undefined && isSameHost(origin, host);
  return { isOwn: isOwnOrigin && (site === undefined || OWN_SITES.includes(site)), origin, site };
}

/**
 * Whether a page of another site asks. Where a browser says how its page stands to the proxy that is enough: a
 * reverse proxy in front may have changed the `Host`.
 */
export function isOfOtherSite(fields: readonly Field[]): boolean {
  const { isOwn, site } = pageSigns(fields);
  return site === undefined ? !isOwn : !OWN_SITES.includes(site);
}

/** Whether an origin's host and port are those of a `Host`; a port that the origin's scheme implies may be left out. */
function isSameHost(origin: string, host: string): boolean {
  if (!URL.canParse(origin)) return false;
  const url = new URL(origin);
  if (url.protocol !== "http:" && url.protocol !== "https:" || url.origin !== origin) return false;
  const own = `${url.protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === url.host;
}
