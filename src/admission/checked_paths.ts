/**
 * Checks whether an endpoint and a token allow the path of a request. This is the first check, before the
 * request counts for any limit.
 */

import type { Endpoint } from "../config/config.ts";
import { joinPath, versionedPath } from "../http/join_url.ts";
import { checkAllowedPath, checkPath, type RequestedPath } from "../limits/allowed.ts";
import type { Principal, Subject } from "../principal.ts";
import { type Head, mayRename, possibleMethods } from "./effective_method.ts";

/** The part of a request that the rules for paths depend on. */
interface RequestHead extends Head {
  /** The method of the request line. */
  readonly method: string;
  /** The path after the name of the endpoint. */
  readonly path: string;
  /** Whether the client requests a WebSocket. */
  readonly isWebSocket: boolean;
}

/**
 * Only the paths of these methods are remembered. Most requests have one of them, and clients can invent
 * others.
 */
const USUAL_METHODS: ReadonlySet<string> = new Set(["GET", "POST"]);
/**
 * The most paths that are remembered for each method of an endpoint. Most requests have one of a few paths.
 */
const MAX_REMEMBERED = 500;
/** Longer paths are not remembered, so that the memory for them is bounded. In characters. */
const MAX_REMEMBERED_LENGTH = 200;
/** The paths that each endpoint allows, by method, so that most requests cost one look-up. */
const allowed = new WeakMap<Endpoint, Map<string, Set<string>>>();

/** Throws `forbidden` if the setting `paths` of the endpoint rejects the request. */
export function checkEndpointPath(endpoint: Endpoint, head: RequestHead): void {
  const { method, path } = head;
  const isUsual = USUAL_METHODS.has(method) && !head.isWebSocket && !mayRename(head);
  if (isUsual && allowed.get(endpoint)?.get(method)?.has(path) === true) return;
  checkAllowedPath(endpoint, requestedPath(endpoint, head));
  if (isUsual && path.length <= MAX_REMEMBERED_LENGTH) remember(endpoint, method, path);
}

function remember(endpoint: Endpoint, method: string, path: string): void {
  const byMethod = allowed.get(endpoint) ?? new Map<string, Set<string>>();
  allowed.set(endpoint, byMethod);
  const paths = byMethod.get(method) ?? new Set<string>();
  if (paths.size >= MAX_REMEMBERED) paths.clear();
  byMethod.set(method, paths.add(path));
}

/** Throws `forbidden` if a rule for paths of the token or its project rejects the request. */
export function checkTokenPath(
  principal: Principal,
  endpoint: Endpoint,
  { request, apiPath, query, isWebSocket }: {
    readonly request: Pick<RequestHead, "method" | "fields">;
    readonly apiPath: string;
    readonly query: string;
    readonly isWebSocket: boolean;
  },
): void {
  if (!principal.subjects.some(listsPaths)) return;
  const { method, fields } = request;
  checkPath(principal, requestedPath(endpoint, { method, path: apiPath, query, fields, isWebSocket }));
}

function listsPaths({ rules }: Subject): boolean {
  return rules.paths !== undefined;
}

function requestedPath(endpoint: Endpoint, head: RequestHead): RequestedPath {
  const { method, path, isWebSocket, fields } = head;
  return {
    path,
    paths: endpoint.backends.map(({ baseUrl }) => versionedPath(baseUrl, path)),
    sentPaths: endpoint.backends.map(({ baseUrl }) => joinPath(baseUrl, path)),
    methods: possibleMethods(method, head),
    isWebSocket,
    fields,
  };
}
