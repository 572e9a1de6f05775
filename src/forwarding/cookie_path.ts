/** Confines cookies of an upstream to the endpoint that they came from. */

const PATH_ATTRIBUTE = /^\s*path\s*(?:=|$)/i;

/**
 * The value of an upstream's `set-cookie` for a client that requested `path`. The cookie then applies below
 * the first segment of that path. The upstream's own `Path` refers to the paths of the upstream: `Path=/`
 * would send its cookies to everything at the proxy's host name, on all ports, until requests to the admin
 * page are too large. `undefined` if the path has no segment.
 */
export function confinedCookie(setCookie: string, path: string): string | undefined {
  const segment = /^\/+[^/;?#]+(?=\/|$)/.exec(path)?.[0];
  if (segment === undefined) return undefined;
  const [pair = "", ...attributes] = setCookie.split(";");
  // A cookie without a path applies to the folder of the request (RFC 6265, 5.1.4).
  const isBound = path.startsWith(`${segment}/`) && !attributes.some((one) => PATH_ATTRIBUTE.test(one));
  if (isBound) return setCookie;
  return [pair, ...attributes.filter((one) => !PATH_ATTRIBUTE.test(one)), ` Path=${segment}`].join(";");
}
