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
  const isOwnOrigin = origin === undefined ||
    host !== undefined && isSameOrigin(origin, { host, scheme: undefined });
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

/** How a browser reaches the proxy: directly, or through a reverse proxy that may end the encryption. */
export type Scheme = "http" | "https";

/**
 * Whether an `Origin` is the origin that a browser gives to pages of the proxy. `host` is the `Host` of the request;
 * it may leave out the default port. Undefined `scheme`: the proxy does not know it, and both schemes count as its own.
 */
export function isSameOrigin(
  origin: string,
  { host, scheme }: { readonly host: string; readonly scheme: Scheme | undefined },
): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, origin: normalised } = new URL(origin);
  if (protocol !== "http:" && protocol !== "https:" || normalised !== origin) return false;
  const own = `${scheme ?? protocol.slice(0, -1)}://${host}`;
  return URL.canParse(own) && new URL(own).origin === origin;
}
