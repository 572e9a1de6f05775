/**
 * The life of a request, top to bottom. Each stage is a function of another file; `admit_exchange.ts` orders
 * the steps of "admit".
 */

import { identifyClient } from "./auth/identify_client.ts";
import { Exchange } from "./exchange.ts";
import type { BackendResponse } from "./forwarding/upstream_call.ts";
import { admitExchange } from "./handler/admit_exchange.ts";
import { clientRouteReply } from "./handler/client_routes.ts";
import { Forwarding } from "./handler/forwarding.ts";
import type { ProxyParts } from "./handler/proxy_parts.ts";
import { allowedOrigin, preflightReply, withCors } from "./http/cors.ts";
import { discardReply, type Handler, type IncomingRequest, type OutgoingReply } from "./http/message.ts";
import { parseRequestTarget, type RequestTarget } from "./http/request_target.ts";
import { ownReply } from "./own_routes/own_reply.ts";
import { match } from "./routing/match.ts";

/** Makes the handler of all requests. */
export function createHandler(proxy: ProxyParts): Handler {
  const { corsOrigins } = proxy;
  if (corsOrigins.length === 0) return (request) => handle(request, proxy);
  return async (request) => {
    // Pages of `CORS_ORIGINS` cannot use the separate admin port.
    const origin = request.entry === "admin" ? undefined : allowedOrigin(request.fields, corsOrigins);
    if (origin === undefined) return await handle(request, proxy);
    return preflightReply(request.method, request.fields, origin) ??
      withCors(await handle(request, proxy), origin);
  };
}

/**
 * Handles a request: own routes → match → identify → admit → forward. The exchange is recorded when it ends:
 * at the end of the reply's body (`Exchange.end`), or here if it fails.
 */
async function handle(request: IncomingRequest, proxy: ProxyParts): Promise<OutgoingReply> {
  const target = parseRequestTarget(request.target);
  const own = ownReply(request, target, proxy);
  if (own !== undefined) return await own;

  const exchange = matched(request, target, proxy);
  let response: BackendResponse | undefined;
  const failed = (error: unknown): OutgoingReply => {
    const reply = exchange.fail(error);
    // `fail` has to come first. If the response were discarded before, the exchange would end as if its
    // client had left.
    if (response !== undefined) discardReply(response);
    return reply;
  };
  try {
    const refreshing = proxy.management?.refreshed();
    if (refreshing !== undefined) await refreshing;
    const identified = identifyClient(exchange, proxy);
    const client = identified instanceof Promise ? await identified : identified;
    const { principal } = client;
    exchange.principal = principal;
    // From here on, each exchange has a row, also if the proxy answers or rejects the request itself.
    const account = proxy.management?.accounts.open(exchange, principal);
    exchange.account = account;

    const routeReply = clientRouteReply(exchange, proxy, { path: target.path, principal, account });
    const clientReply = routeReply && await routeReply;
    if (clientReply !== undefined) return clientReply;

    const admitted = await admitExchange(exchange, proxy, {
      principal,
      account,
      rejection: target.rejection,
    });
    const forwarding = new Forwarding(admitted, proxy, client);
    const send = async (): Promise<OutgoingReply> => {
      response = await forwarding.send();
      return await forwarding.reply(response, target.path);
    };
    const { early } = forwarding;
    return await (early === undefined ? send() : early.reply(() => send().catch(failed), proxy.clock));
  } catch (error) {
    return failed(error);
  }
}

/** Begins the exchange of a request, with the endpoint of its path. */
function matched(request: IncomingRequest, target: RequestTarget, proxy: ProxyParts): Exchange {
  const route = match(proxy.routes, target.path, request);
  const address = proxy.clientAccess.addressOf(request);
  return new Exchange(request, { target, route, address }, proxy);
}
