import type { Endpoint } from "../config/config.ts";
import { hasProject, type Principal } from "../principal.ts";
import type { Clock } from "../time/clock.ts";
import type { KnownObjects } from "./known_objects.ts";
import { mayUse, ObjectAccess } from "./object_access.ts";
import { objectRequestOf } from "./object_request.ts";

/** The exchange whose objects are checked. */
export interface OpenedExchange {
  readonly principal: Principal;
  readonly endpoint: Endpoint;
  readonly request: { readonly method: string };
  /** The path after the name of the endpoint. */
  readonly apiPath: string;
  /** The raw query. */
  readonly query: string;
  /** Whether the client requests a WebSocket. */
  readonly isWebSocket: boolean;
  /** Whether the provider stores a chat completion, as far as the request has shown. */
  readonly isStored: () => boolean;
}

/**
 * Opens the objects of an exchange. `undefined` if the exchange neither names nor creates objects that the
 * proxy has to know.
 */
export function createObjectAccess(
  objects: KnownObjects,
  exchange: OpenedExchange,
  clock: Clock,
): ObjectAccess | undefined {
  const { principal, endpoint, request: { method }, apiPath, query, isWebSocket } = exchange;
  const accounts = objects.accountsOf(endpoint, principal);
  const hasSeveral = accounts.length > 1;
  if (accounts.length === 0 || !objects.isStored && !hasSeveral) return undefined;
  const isRestricted = objects.isStored && hasProject(principal) && endpoint.objects !== "shared";
  const hasForeign = () =>
    isRestricted &&
    (endpoint.unknownObjects === "reject" || objects.isShared ||
      objects.hasMaker(accounts, (maker) => !mayUse(maker, exchange)));
  const isGuarded = hasForeign();
  const request = objectRequestOf({ method, path: apiPath, query });
  const hasIds = request.creates || request.inPath.size > 0;
  if (!isGuarded && !hasIds && !hasSeveral && !(isRestricted && isWebSocket)) return undefined;
  return new ObjectAccess(exchange, {
    objects,
    clock,
    request,
    accounts,
    isRestricted,
    hasObjects: objects.isShared || objects.hasMaker(accounts, () => true),
    // Other clients may make their first objects while a WebSocket is open.
    isGuarded: isWebSocket ? hasForeign : () => isGuarded,
  });
}
