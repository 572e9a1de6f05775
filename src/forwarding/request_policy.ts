/**
 * Request headers that end at the proxy although the client sent them, or a reverse proxy in front of this
 * proxy. They describe the way to this proxy. The way to the provider begins at this proxy, so they would be
 * wrong there, and they would tell the provider who the clients are. All names are in lower case.
 */

/** Prefixes of fields of reverse proxies. */
const FRONT_PREFIXES: readonly string[] = [
  // Address, host, scheme, port, path, user and certificate of the client's connection.
  "x-forwarded-",
  // The user whom Tailscale Serve, oauth2-proxy or authentik signed in: login, name, groups.
  "tailscale-",
  "x-auth-request-",
  "x-authentik-",
];

const NOT_FORWARDED: ReadonlySet<string> = new Set([
  // The transport writes it.
  "host",
  // The server handled it.
  "expect",

  // Address, host and scheme of the client's connection (RFC 7239). nginx, Envoy, Akamai, Fastly and Fly have
  // other names for the address.
  "forwarded",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-forwarded-for",
  "x-envoy-external-address",
  "true-client-ip",
  "fastly-client-ip",
  "fly-client-ip",
  // The proxies of the client's connection (RFC 9110, 7.6.3). Servers may switch off compression for it.
  "via",
  // The CDNs of the client's connection (RFC 8586). A provider behind the same CDN would see a loop.
  "cdn-loop",
  // Cloudflare's. With `cf-connecting-ip`, a provider behind Cloudflare answers 403 (error 1000). `cf-aig-*`
  // are not in the list: clients send them to Cloudflare's AI Gateway.
  "cf-connecting-ip",
  "cf-connecting-ipv6",
  "cf-connecting-o2o",
  "cf-pseudo-ipv4",
  "cf-ray",
  "cf-ipcountry",
  "cf-ipcity",
  "cf-ipcontinent",
  "cf-iplatitude",
  "cf-iplongitude",
  "cf-region",
  "cf-region-code",
  "cf-metro-code",
  "cf-postal-code",
  "cf-timezone",
  "cf-visitor",
  "cf-worker",
  "cf-ew-via",
  "cf-warp-tag-id",
  // Credentials for Cloudflare Access in front of this proxy, and the user whom it signed in.
  "cf-access-client-id",
  "cf-access-client-secret",
  "cf-access-jwt-assertion",
  "cf-access-authenticated-user-email",
  // The user whom Authelia signed in.
  "remote-user",
  "remote-name",
  "remote-email",
  "remote-groups",
]);

/** Whether no upstream gets a field of a request. */
export function endsAtProxy(lower: string): boolean {
  return NOT_FORWARDED.has(lower) || hasPrefix(lower, FRONT_PREFIXES);
}

/** Prefixes of fields by which a browser describes itself and the page. */
const PAGE_PREFIXES: readonly string[] = ["sec-fetch-", "sec-ch-"];

const OF_PAGES: ReadonlySet<string> = new Set([
  // Anthropic answers 401 to a page's origin, and Ollama 403. The proxy has already allowed the page.
  "origin",
  // The address of the page.
  "referer",
  // Cookies of the proxy's host name, for all its ports. Their programs are not the provider's.
  "cookie",
]);

/**
 * Whether no upstream gets a field of a request that a web page of `CORS_ORIGINS` sent. The proxy itself
 * decides whether the page may send requests, so the provider gets the request as from a program.
 */
export function endsAtProxyFromPages(lower: string): boolean {
  return OF_PAGES.has(lower) || hasPrefix(lower, PAGE_PREFIXES);
}

function hasPrefix(lower: string, prefixes: readonly string[]): boolean {
  for (const prefix of prefixes) if (lower.startsWith(prefix)) return true;
  return false;
}
