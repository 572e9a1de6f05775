/** Cookies of an upstream, which go back to where they came from and nowhere else at the proxy. */

const PATH_ATTRIBUTE = /^\s*path\s*(?:=|$)/i;

/**
 * The value of an upstream's `set-cookie` for clients that asked for `path`: it holds beneath the first segment of
 * that path. An upstream's own `Path` is about the upstream's paths; one of `/` would send its cookies to everything
 * at the proxy's host name, on all ports, until the requests to the admin page are too large. Undefined: there is no
 * segment to bind it to.
 */
export function confinedCookie(setCookie: string, path: string): string | undefined {
  const segment = /^\/+[^/;?#]+(?=\/|$)/.exec(path)?.[0];
  if (segment === undefined) return undefined;
  const [pair = "", ...attributes] = setCookie.split(";");
  // Without a path of its own a cookie holds in the folder of what was asked for (RFC 6265, 5.1.4).
  const isBound = path.startsWith(`${segment}/`) && !attributes.some((one) => PATH_ATTRIBUTE.test(one));
  if (isBound) return setCookie;
  return [pair, ...attributes.filter((one) => !PATH_ATTRIBUTE.test(one)), ` Path=${segment}`].join(";");
}
