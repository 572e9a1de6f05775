/**
 * The proxy's own routes that need an identified client: lists of models, `/health/stream` and
 * `/health/endpoints`. `own_routes/own_reply.ts` has the routes that need no token.
 */

import type { Account } from "../accounting/account.ts";
import { shareAdmission } from "../admission/share_admission.ts";
import type { Exchange } from "../exchange.ts";
import type { OutgoingReply } from "../http/message.ts";
import { allowedEndpoints } from "../limits/allowed.ts";
import { reasonPhrase } from "../http/reason_phrases.ts";
import { type ModelsRequest, modelsRequestOf, modelsResponse } from "./models_response.ts";
import { endpointListReply, isEndpointListRequest } from "../own_routes/endpoint_list.ts";
import { healthStreamReply, isHealthStreamRequest } from "../own_routes/health_stream.ts";
import type { Principal } from "../principal.ts";
import { checkDraining } from "./check_draining.ts";
import type { ProxyParts } from "./proxy_parts.ts";

/** The path of a request, and the client that sent it. */
interface ClientRequest {
  /** The path of the request target, byte for byte. */
  readonly path: string;
  readonly principal: Principal;
  /** The account of the exchange. `undefined` if the management plane is off. */
  readonly account: Account | undefined;
}

/**
 * Returns the response to a request for one of these routes, and ends its exchange. Returns `undefined` if an
 * endpoint gets the request.
 */
export function clientRouteReply(
  exchange: Exchange,
  proxy: ProxyParts,
  { path, principal, account }: ClientRequest,
): OutgoingReply | Promise<OutgoingReply | undefined> | undefined {
  const { api, request: { method } } = exchange;
  const models = api && modelsRequestOf({ method, path }, proxy.routes, api);
  // If only one endpoint has a list of its API, the request goes to that endpoint.
  if (models !== undefined && (models.api === "openai" || models.endpoints.length > 1)) {
    return modelList(exchange, proxy, { models, principal, account });
  }
  if (isHealthStreamRequest(method, path)) return healthStream(exchange, proxy);
  if (isEndpointListRequest(method, path)) return endpointList(exchange, proxy, principal);
  return undefined;
}

/**
 * Returns a list of the models of several endpoints, or `undefined` if the proxy knows none of their lists.
 */
async function modelList(
  exchange: Exchange,
  proxy: ProxyParts,
  { models, principal, account }: Omit<ClientRequest, "path"> & { readonly models: ModelsRequest },
): Promise<OutgoingReply | undefined> {
  checkDraining(proxy);
  const { id: requestId, apiPath: path = "", request: { fields } } = exchange;
  const { management } = proxy;
  const factsOf = (endpoint: string, model: string) => management?.modelFacts(endpoint, model) ?? {};
  // The list counts as a request. It needs no tokens and no money.
  const checking = management?.limiter.check(principal, { isFree: true });
  if (checking !== undefined) await checking;
  const response = await modelsResponse(models, { ...proxy, factsOf }, {
    principal,
    path,
    fields,
    requestId,
  });
  if (response === undefined) return undefined;
  if (management !== undefined && account !== undefined) {
    const admission = management.limiter.admit(principal, { isFree: true });
    account.setAdmission(admission);
    const sharing = shareAdmission(admission, account, exchange.request.method);
    if (sharing !== undefined) await sharing;
  }
  // No endpoint gets the request, so records name none.
  exchange.routeTo(undefined);
  await exchange.acquireSlot(proxy.slots);
  const { fields: replyFields, text } = response;
  const memory = exchange.takeOverShare(proxy.wholeResponses.begin(exchange.holder));
  const isHead = exchange.request.method === "HEAD";
  if (!isHead) memory.hold(text.length);
  exchange.repliedHere(200);
  exchange.onPiece(text);
  const head = { status: 200, reason: reasonPhrase(200), fields: replyFields } as const;
  if (!isHead) return { ...head, body: memory.body(text, (how) => exchange.end(how)) };
  exchange.end("complete");
  return { ...head, body: null, omittedLength: text.length };
}

/**
 * Responds to `/health/stream`: a few events with pauses, for a client that checks whether a server in front
 * buffers streams.
 */
async function healthStream(exchange: Exchange, proxy: ProxyParts): Promise<OutgoingReply> {
  checkDraining(proxy);
  await exchange.acquireSlot(proxy.slots);
  exchange.repliedHere(200);
  return healthStreamReply({ clock: proxy.clock, onEnd: (how) => exchange.end(how) });
}

/** Responds to `/health/endpoints`, for `llm-proxy run`. */
function endpointList(exchange: Exchange, { routes }: ProxyParts, principal: Principal): OutgoingReply {
  const allowed = allowedEndpoints(principal, [...routes.endpoints.keys()]);
  exchange.repliedHere(200);
  exchange.end("complete");
  return endpointListReply(
    [...routes.endpoints.values()].filter(({ name }) => allowed.includes(name)),
    routes.defaultEndpoint?.name,
  );
}
