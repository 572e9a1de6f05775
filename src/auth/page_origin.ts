/** Whether a web page of another site sent a request, by the headers that browsers add. */

import { type Field, fieldValue } from "../http/fields.ts";

/** Values of `sec-fetch-site` for pages of the proxy and for users who type or open a URL themselves. */
const OWN_SITES: readonly string[] = ["same-origin", "none"];

/** What `Origin` and `Sec-Fetch-Site` say about the page that sent a request. */
export interface PageSigns {
  /** Whether both headers agree with the proxy's own origin, or are missing. */
  readonly isOwn: boolean;
  /** The `Origin` header, if there is one. */
  readonly origin: string | undefined;
  /** The `Sec-Fetch-Site` header, if there is one. */
  readonly site: string | undefined;
}

/** Reads `Origin` and `Sec-Fetch-Site`. Browsers do not send both with every request. */
export function pageSigns(fields: readonly Field[]): PageSigns {
  const host = fieldValue(fields, "host")?.toLowerCase();
  const origin = fieldValue(fields, "origin");
  const site = fieldValue(fields, "sec-fetch-site");
  const isOwnOrigin = origin === undefined ||
    host !== undefined && isSameOrigin(origin, { host, scheme: undefined });
  return { isOwn: isOwnOrigin && (site === undefined || OWN_SITES.includes(site)), origin, site };
}

/**
 * Whether a page of another site sent the request. `Sec-Fetch-Site` decides if it is there, because a reverse
 * proxy in front may have changed the `Host` that `Origin` is compared with.
 */
export function isOfOtherSite(fields: readonly Field[]): boolean {
  const { isOwn, site } = pageSigns(fields);
  return site === undefined ? !isOwn : !OWN_SITES.includes(site);
}

/** The scheme of the URL by which a browser reaches the proxy, or a reverse proxy in front. */
export type Scheme = "http" | "https";

/**
 * Whether an `Origin` is the origin that a browser gives to pages of the proxy. `host` is the `Host` of the
 * request; it may leave out the default port. If the proxy does not know its `scheme`, both schemes count as
 * its own.
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
