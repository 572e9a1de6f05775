/** The URLs by which a client reaches URLs of an upstream through the proxy. */

import { KEY_PARAMETER } from "../config/credential_places.ts";
import type { BaseUrl } from "../config/config.ts";
import { joinPath, versionedPath, withoutParameter } from "../http/join_url.ts";

/** The base URL of a backend, and the one by which the client reaches it through the proxy. */
export interface UrlMapping {
  readonly upstream: BaseUrl;
  /**
   * Scheme, host and port of the proxy, as the client uses it: `http://nas:33000`. `undefined` if the request
   * does not state a valid host.
   */
  readonly origin: string | undefined;
  /** The path of the endpoint at the proxy, such as `/anthropic`. Empty: the client left out its name. */
  readonly prefix: string;
}

/** A URL of the upstream, as the client requests it. */
export interface ClientPath {
  /** The path after the name of the endpoint. It begins with a slash, or is empty. */
  readonly apiPath: string;
  /** The query with its `?`. Empty: the URL has none. */
  readonly search: string;
}

/**
 * The path by which the same endpoint requests a URL. `undefined` if the URL has another origin than the
 * upstream, or no request to the endpoint leads there.
 */
export function clientPath(url: URL, upstream: BaseUrl): ClientPath | undefined {
  // The origin of a `blob:` URL is that of the URL within it.
  if (!isHttp(url) || url.origin !== URL.parse(upstream.origin)?.origin) return undefined;
  const apiPath = [versionedPath(upstream, url.pathname), url.pathname]
    .find((path) => joinPath(upstream, path) === url.pathname);
  if (apiPath === undefined) return undefined;
  // Some backends repeat the key of the request in the URL.
  const query = withoutParameter(url.search.slice(1), KEY_PARAMETER);
  return { apiPath, search: query === "" ? "" : `?${query}` };
}

/** Whether clients open a URL with HTTP. */
export function isHttp({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}
