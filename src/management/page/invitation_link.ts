/** The link of an invitation that an administrator sends to a person. */

import type { Invitation } from "./api.ts";

/**
 * The link at PUBLIC_URL. Without one, the page's own address is known to work, unless it works on this
 * machine alone: then the link is at the address of the proxy.
 */
export function invitationLink(
  { path, urls, at_public_url: isPublic }: Pick<Invitation, "path" | "urls" | "at_public_url">,
  { origin, hostname }: Pick<Location, "origin" | "hostname">,
): string {
  const isOfThisMachine = /^(?:localhost|.*\.localhost|127\..*|\[::1\])$/.test(hostname);
  const own = origin + path;
  return isPublic || isOfThisMachine ? urls[0] ?? own : own;
}
