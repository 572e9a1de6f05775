/**
 * Admits the request of an exchange: checks whether it may run now, and chooses its endpoint by its model.
 */

import type { Account } from "../accounting/account.ts";
import { admitRequest, type AdmittedRequest } from "../admission/admit_request.ts";
import type { Exchange, RoutedExchange } from "../exchange.ts";
import { ProxyFault } from "../faults.ts";
import { unsupportedReason } from "../forwarding/unsupported.ts";
import { upgradeOf } from "../forwarding/websocket/handshake.ts";
import type { IncomingRequest } from "../http/message.ts";
import { allowedEndpoints } from "../limits/allowed.ts";
import type { HeldShare } from "../capacity/held_bytes.ts";
import { routeByModel } from "./route_by_model.ts";
import type { ObjectAccess } from "../objects/object_access.ts";
import { createObjectAccess } from "../objects/create_object_access.ts";
import type { Principal } from "../principal.ts";
import { notFoundMessage } from "../routing/match.ts";
import { checkDraining } from "./check_draining.ts";
import type { ProxyParts } from "./proxy_parts.ts";

/** An exchange whose request may run now. */
export interface AdmittedExchange {
  readonly exchange: RoutedExchange;
  /** The request as the proxy forwards it. */
  readonly request: AdmittedRequest;
  /** Whether the client requests a WebSocket. */
  readonly isWebSocket: boolean;
  /** The exchange's share of the memory for bodies. */
  readonly bodyMemory: HeldShare;
  /**
   * The stored objects that the request can name or create. `undefined` if there is nothing to check or to
   * learn.
   */
  readonly objects: ObjectAccess | undefined;
}

/**
 * Admits the request of an exchange, and acquires a slot for it. Throws the fault of the check that fails.
 * `rejection` is the reason why the target is invalid, or `undefined` if the target is valid.
 */
export async function admitExchange(
  exchange: Exchange,
  proxy: ProxyParts,
  { principal, account, rejection }: {
    readonly principal: Principal;
    readonly account: Account | undefined;
    readonly rejection: string | undefined;
  },
): Promise<AdmittedExchange> {
  const { management } = proxy;
  checkReadable(exchange, proxy, { principal, rejection });
  const isWebSocket = requestsWebSocket(exchange.request);
  const bodyMemory = exchange.takeOverShare(proxy.heldBytes.share(exchange.holder));
  const { api } = exchange;
  const limiter = management?.limiter;
  const routing = routeByModel(exchange, proxy, { api, principal, isWebSocket, bodyMemory, limiter });
  const read = routing && await routing;
  checkForwardable(exchange, proxy, principal);
  const counted = account && management && { account, limiter: management.limiter };
  const objects = objectsOf(exchange, proxy, isWebSocket);
  const request = await admitRequest(exchange, proxy, { isWebSocket, bodyMemory, counted, read, objects });
  if (objects !== undefined) await objects.check(request.payload);
  // If the proxy reads the body first, the request gets a slot only after its body has arrived.
  const waiting = exchange.acquireSlot(proxy.slots);
  if (waiting !== undefined) {
    await waiting;
    // Other waits, such as that for a body, end soon. A slot may be free only after the drain.
    checkDraining(proxy);
  }
  return { exchange, request, isWebSocket, bodyMemory, objects };
}

/**
 * Checks whether the proxy may read the body of a request. Throws `bad_request`, `not_found` or `draining`.
 */
function checkReadable(
  exchange: Exchange,
  proxy: ProxyParts,
  { principal, rejection }: { readonly principal: Principal; readonly rejection: string | undefined },
): void {
  if (rejection !== undefined) throw new ProxyFault("bad_request", rejection);
  if (exchange.apiPath === undefined) throw notServed(exchange, proxy, principal);
  checkDraining(proxy);
  const unsupported = unsupportedReason(exchange.request);
  if (unsupported !== undefined) throw new ProxyFault("bad_request", unsupported);
}

/** Throws `not_found` if no endpoint has the path. */
function checkForwardable(
  exchange: Exchange,
  proxy: ProxyParts,
  principal: Principal,
): asserts exchange is RoutedExchange {
  if (exchange.endpoint === undefined) throw notServed(exchange, proxy, principal);
}

function notServed({ loggedPath: path }: Exchange, { routes }: ProxyParts, principal: Principal): ProxyFault {
  const allowed = allowedEndpoints(principal, [...routes.endpoints.keys()]);
  return new ProxyFault("not_found", notFoundMessage(allowed, path));
}

/** Whether a request asks for a WebSocket. Throws `bad_request` for a change to another protocol. */
function requestsWebSocket(request: IncomingRequest): boolean {
  const upgrade = upgradeOf(request);
  if (typeof upgrade === "string") throw new ProxyFault("bad_request", upgrade);
  return upgrade;
}

/** The stored objects that the request can name or create. The exchange reports its response to them. */
function objectsOf(
  exchange: RoutedExchange,
  { objects, clock }: ProxyParts,
  isWebSocket: boolean,
): ObjectAccess | undefined {
  const { principal, endpoint, request, apiPath, query } = exchange;
  const isStored = () => exchange.account?.isStored() === true;
  const access = createObjectAccess(
    objects,
    { principal, endpoint, request, apiPath, query, isWebSocket, isStored },
    clock,
  );
  exchange.objects = access;
  return access;
}
