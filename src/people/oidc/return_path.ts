/** The addresses of the sign-in, and the page to which a person returns after it. */

/** The path of the admin page. */
const ADMIN_PATH = "/admin";
/** The path of the sign-in, to which no person returns. */
export const SIGN_IN_PATH = "/admin/sign-in";
const MAX_LENGTH = 500;

/**
 * The path, query and fragment of a page of the admin page. Anything else is the admin page itself, so that
 * no link leads to another site by way of the sign-in.
 */
export function returnPath(wanted: string | null): string {
  if (wanted === null || wanted.length > MAX_LENGTH || !wanted.startsWith("/")) return ADMIN_PATH;
  const base = "http://admin.invalid";
  const url = URL.canParse(wanted, base) ? new URL(wanted, base) : undefined;
  if (url === undefined || url.origin !== base) return ADMIN_PATH;
  const { pathname, search, hash } = url;
  const isPage = pathname === ADMIN_PATH || pathname.startsWith(`${ADMIN_PATH}/`);
  // A second server may decode a path again.
  if (!isPage || pathname.startsWith(SIGN_IN_PATH) || /%2e|%2f|%5c|\/\/|\\/i.test(pathname)) {
    return ADMIN_PATH;
  }
  return pathname + search + hash;
}

/** The URL to register at a provider, to which it sends people back. */
export function redirectUri(publicUrl: string, name: string): string {
  return `${publicUrl}${SIGN_IN_PATH}/${name}/callback`;
}

/** The URL to register at a provider, to which it sends people after the end of its session. */
export function postLogoutUri(publicUrl: string): string {
  return `${publicUrl}/admin`;
}
