/** The life of a request, top to bottom. Each stage is a function of another file; only this file knows their order. */

import type { Accounts } from "./accounting/accounts.ts";
import { admitRequest } from "./admission/admission.ts";
import { type AccessControl, type Client, identifyClient } from "./auth/identify_client.ts";
import type { ModelFacts } from "./catalogue/merged_list.ts";
import type { Endpoint } from "./config/config.ts";
import { Exchange, type ExchangeParts, type RoutedExchange } from "./exchange.ts";
import { ProxyFault } from "./faults.ts";
import { filteredReply, filtersModels, withIdentity } from "./models/filter_models.ts";
import { urlPlace } from "./forwarding/answer_urls.ts";
import { BackendRequests } from "./forwarding/backend_requests.ts";
import type { Balancer } from "./forwarding/balancer.ts";
import { clientReply } from "./forwarding/client_reply.ts";
import { forward, type ForwardRequest } from "./forwarding/forward.ts";
import { HeldResponses } from "./forwarding/held_response.ts";
import type { Transport } from "./forwarding/transport/transport.ts";
import type { BackendResponse } from "./forwarding/upstream_call.ts";
import { unsupportedReason } from "./forwarding/unsupported.ts";
import { upgradeOf } from "./forwarding/websocket/handshake.ts";
import { allowedOrigin, preflightReply, withCors } from "./http/cors.ts";
import { discardReply, type Handler, type IncomingRequest, type OutgoingReply } from "./http/message.ts";
import { parseRequestTarget, type RequestTarget } from "./http/request_target.ts";
import type { HeldBytes } from "./limits/held_bytes.ts";
import type { Limiter } from "./limits/limiter.ts";
import type { ConcurrencyLimiter } from "./limits/concurrency_limiter.ts";
import { type ManagementRoutes, ownReply, type OwnRoutes } from "./own_routes/own_reply.ts";
import { endpointListReply, isEndpointListRequest } from "./own_routes/endpoint_list.ts";
import { healthStreamReply, isHealthStreamRequest } from "./own_routes/health_stream.ts";
import { allowedEndpoints } from "./limits/allowed.ts";
import { routeByModel } from "./models/route_by_model.ts";
import { type ModelsParts, modelsReply, type ModelsRequest, modelsRequestOf } from "./models/list_models.ts";
import { filterList } from "./objects/filter_list.ts";
import type { KnownObjects } from "./objects/known_objects.ts";
import type { ObjectAccess } from "./objects/object_access.ts";
import { openAccess } from "./objects/open_access.ts";
import type { Principal } from "./principal.ts";
import { match, notFoundMessage } from "./routing/match.ts";
import type { RoutingTable } from "./routing/table.ts";

/**
 * What the handler works with. The routes and balancers belong to one configuration; the slots, memory and
 * transport outlive it.
 */
export interface ProxyParts extends AccessControl, OwnRoutes, ExchangeParts {
  readonly routes: RoutingTable;
  /** The lists of models of the endpoints. */
  readonly catalogue: ModelsParts["catalogue"];
  /** Origins of web pages that may read answers. */
  readonly corsOrigins: readonly string[];
  /** Undefined: the management plane is off. */
  readonly management: Management | undefined;
  /** The limit of requests that are forwarded at the same time. */
  readonly slots: ConcurrencyLimiter;
  /** The limit of requests that wait for a body which the proxy reads before it forwards the request. */
  readonly receivingSlots: ConcurrencyLimiter;
  /** The memory for bodies of all requests. */
  readonly heldBytes: HeldBytes;
  /** The longest body of a request, in bytes. Undefined: there is no limit. */
  readonly maxBodyBytes: number | undefined;
  /** The longest message on a WebSocket, in bytes. */
  readonly maxMessageBytes: number;
  readonly balancerOf: (endpoint: Endpoint) => Balancer;
  /** Who made which objects at the providers. */
  readonly objects: KnownObjects;
  readonly transport: Transport;
}

/** The management plane, as requests need it. */
export interface Management extends ManagementRoutes {
  readonly accounts: Accounts;
  readonly limiter: Limiter;
  /** The price and the context window of a model. */
  readonly modelFacts: (endpoint: string, model: string) => ModelFacts;
  /** Reads the changes of tokens. Undefined: nothing has changed. */
  readonly refreshed: () => Promise<void> | undefined;
}

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

async function handle(request: IncomingRequest, proxy: ProxyParts): Promise<OutgoingReply> {
  const { management } = proxy;
  const target = parseRequestTarget(request.target);
  const own = ownReply(request, target, proxy);
  if (own !== undefined) return await own;

  const route = match(proxy.routes, target.path, request);
  const address = proxy.clientAccess.addressOf(request);
  const exchange = new Exchange(request, { target, route, address }, proxy);
  let answer: BackendResponse | undefined;
  try {
    const refreshing = management?.refreshed();
    if (refreshing !== undefined) await refreshing;
    const { principal, credentials } = identifyClient(exchange, proxy);
    exchange.principal = principal;
    const api = route?.byModel;
    const models = api && modelsRequestOf({ method: request.method, path: target.path }, proxy.routes, api);
    if (models !== undefined && (models.api === "openai" || models.endpoints.length > 1)) {
      const reply = await listModels(exchange, models, { proxy, principal });
      if (reply !== undefined) return reply;
    }
    if (isHealthStreamRequest(request.method, target.path)) return await healthStream(exchange, proxy);
    if (isEndpointListRequest(request.method, target.path)) return endpointList(exchange, principal, proxy);

    const account = management?.accounts.open(exchange, principal);
    exchange.account = account;
    checkReadable(exchange, proxy, { principal, refused: target.refused });
    const upgrade = isUpgrade(request);
    const held = exchange.holds(proxy.heldBytes.share(exchange.holder));
    const read = api &&
      await routeByModel(exchange, proxy, { api, principal, upgrade, held, limiter: management?.limiter });
    checkForwardable(exchange, proxy, { principal });
    const counted = account && management && { account, limiter: management.limiter };
    const objects = objectsOf(exchange, proxy, upgrade);
    const admitted = await admitRequest(exchange, proxy, { upgrade, held, counted, read, objects });
    if (objects !== undefined) await objects.check(admitted.payload);
    // A request gets a slot only after its body has arrived, if the body is needed.
    const waiting = exchange.acquireSlot(proxy.slots);
    if (waiting !== undefined) await waiting;
    checkDraining(proxy);

    const { body, payload, usageWasAdded } = admitted;
    const filtersModelList = !upgrade && filtersModels(exchange, principal);
    const readsResponse = filtersModelList || objects?.filtersList === true;
    const fields = readsResponse ? withIdentity(admitted.fields) : admitted.fields;
    const isFromPage = allowedOrigin(request.fields, proxy.corsOrigins) !== undefined;
    const urlsIn = urlPlace(exchange);
    const sent = { credentials, fields, upgrade, isCounted: account !== undefined, isFromPage, urlsIn };
    const requests = new BackendRequests(exchange, sent);
    const balancer = proxy.balancerOf(exchange.endpoint);
    const { maxMessageBytes } = proxy;
    const websocket = upgrade
      ? { maxMessageBytes, check: objects?.messageCheck(maxMessageBytes) }
      : undefined;
    const pinned = objects?.pinned;
    const forwarded = { exchange, balancer, pinned, requests, body, payload, memory: held, websocket };
    answer = objects?.filtersList === true
      ? await ownList(objects, forwarded, {
        proxy,
        requestsFor: (query) => new BackendRequests({ ...partsOf(exchange), query }, sent),
      })
      : await forward(forwarded, proxy);
    const backend = requests.withKey(answer.backend);
    const client = () => ({ origin: proxy.clientAccess.originOf(request), path: target.path });
    const context = { exchange, backend, usageWasAdded, urlsIn, client, clock: proxy.clock };
    const reply = clientReply(answer, context);
    return filtersModelList ? await filteredReply(reply, principal) : reply;
  } catch (error) {
    const reply = exchange.fail(error);
    // Only now, because an exchange whose answer is cancelled ends like that of a client that left.
    if (answer !== undefined) discardReply(answer);
    return reply;
  }
}

/** The stored objects that the request can name or create. Undefined: none that matter. */
function objectsOf(
  exchange: RoutedExchange,
  { objects, clock }: ProxyParts,
  upgrade: boolean,
): ObjectAccess | undefined {
  const { principal, endpoint, request, rest, query } = exchange;
  const isStored = () => exchange.account?.isStored() === true;
  const access = openAccess(objects, { principal, endpoint, request, rest, query, upgrade, isStored }, clock);
  exchange.objects = access;
  return access;
}

/** Sends a request for a list, and removes the objects of other clients from it. */
async function ownList(
  objects: ObjectAccess,
  request: ForwardRequest & { readonly exchange: RoutedExchange },
  { proxy, requestsFor }: {
    readonly proxy: ProxyParts;
    readonly requestsFor: (query: string) => BackendRequests;
  },
): Promise<BackendResponse> {
  const { exchange } = request;
  const held = new HeldResponses(exchange);
  const cursorName = exchange.endpoint.dialect === "anthropic" ? "after_id" : "after";
  try {
    const { answer, bytes } = await filterList(objects, {
      query: exchange.query,
      cursorName,
      fetchPage: (query) => held.send({ ...request, requests: requestsFor(query) }, proxy),
    });
    return held.reply(answer, bytes);
  } catch (error) {
    throw held.errorFor(error);
  }
}

function partsOf({ request, endpoint, principal, rest }: RoutedExchange) {
  return { request, endpoint, principal, rest };
}

/** Answers with the models of several endpoints. Undefined: the proxy knows none of their lists. */
async function listModels(
  exchange: Exchange,
  models: ModelsRequest,
  { proxy, principal }: { proxy: ProxyParts; principal: Client["principal"] },
): Promise<OutgoingReply | undefined> {
  checkDraining(proxy);
  const { id: requestId, rest: path = "", request: { fields } } = exchange;
  const factsOf = (endpoint: string, model: string) => proxy.management?.modelFacts(endpoint, model) ?? {};
  const reply = await modelsReply(models, { ...proxy, factsOf }, { principal, path, fields, requestId });
  if (reply === undefined) return undefined;
  // No endpoint gets the request, so records name none.
  exchange.routeTo(undefined);
  await exchange.acquireSlot(proxy.slots);
  exchange.answeredHere(reply.status);
  if (reply.body instanceof Uint8Array) exchange.passed(reply.body);
  exchange.end("complete");
  return reply;
}

/** Checks what decides whether the proxy reads a request. Throws `bad_request`, `not_found` or `draining`. */
function checkReadable(
  exchange: Exchange,
  proxy: ProxyParts,
  { principal, refused }: Pick<Client, "principal"> & Pick<RequestTarget, "refused">,
): void {
  if (refused !== undefined) throw new ProxyFault("bad_request", refused);
  if (exchange.rest === undefined) throw notServed(exchange, proxy, principal);
  checkDraining(proxy);
  const unsupported = unsupportedReason(exchange.request);
  if (unsupported !== undefined) throw new ProxyFault("bad_request", unsupported);
}

/** Throws `not_found` if no endpoint has the path. */
function checkForwardable(
  exchange: Exchange,
  proxy: ProxyParts,
  { principal }: Pick<Client, "principal">,
): asserts exchange is RoutedExchange {
  if (exchange.endpoint === undefined) throw notServed(exchange, proxy, principal);
}

function notServed({ path }: Exchange, { routes }: ProxyParts, principal: Client["principal"]): ProxyFault {
  const allowed = allowedEndpoints(principal, [...routes.endpoints.keys()]);
  return new ProxyFault("not_found", notFoundMessage(allowed, path));
}

/** Whether a request asks for a WebSocket. Throws `bad_request` for a change to another protocol. */
function isUpgrade(request: IncomingRequest): boolean {
  const upgrade = upgradeOf(request);
  if (typeof upgrade === "string") throw new ProxyFault("bad_request", upgrade);
  return upgrade;
}

/**
 * Responds to `/health/stream`: a few events with pauses, for a client that checks whether a server in front
 * buffers streams.
 */
async function healthStream(exchange: Exchange, proxy: ProxyParts): Promise<OutgoingReply> {
  checkDraining(proxy);
  await exchange.acquireSlot(proxy.slots);
  exchange.answeredHere(200);
  return healthStreamReply({ clock: proxy.clock, onEnd: (how) => exchange.end(how) });
}

/** Responds to `/health/endpoints`, for `llm-proxy run`. */
function endpointList(exchange: Exchange, principal: Principal, { routes }: ProxyParts): OutgoingReply {
  const allowed = allowedEndpoints(principal, [...routes.endpoints.keys()]);
  exchange.answeredHere(200);
  exchange.end("complete");
  return endpointListReply(
    [...routes.endpoints.values()].filter(({ name }) => allowed.includes(name)),
    routes.defaultEndpoint?.name,
  );
}

function checkDraining({ isDraining }: ProxyParts): void {
  if (isDraining()) throw new ProxyFault("draining", "The proxy is shutting down.", { retryAfterSeconds: 1 });
}
