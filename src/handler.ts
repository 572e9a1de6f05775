/** The whole life of a request, top to bottom. The only place that knows the order of the stages. */

import type { Accounts } from "./accounting/accounts.ts";
import { admit, admitBody } from "./admission/admit.ts";
import { authenticate, EVERY_PLACE } from "./auth/authenticate.ts";
import { findCredentials, KEY_PARAMETER, KEY_SUBPROTOCOL_PREFIX } from "./auth/credential.ts";
import type { GuessPlace } from "./auth/guess_place.ts";
import { findHiddenToken, type OutgoingHead } from "./auth/hidden_token.ts";
import type { TokenCheck } from "./auth/shared_token.ts";
import { type Cancellation, ClientGone } from "./cancellation.ts";
import type { Clock } from "./time/clock.ts";
import { injectsCredential } from "./config/credentials.ts";
import { overridingModel } from "./config/model_override.ts";
import type { Backend, Endpoint } from "./config/config.ts";
import { allowedOrigin, preflightReply, withCors } from "./http/cors.ts";
import type { Entrance } from "./auth/client_access.ts";
import { Exchange, type ExchangeRecord, type Failover } from "./exchange.ts";
import { type ErrorDialect, faultReply, ProxyFault } from "./faults.ts";
import type { Balancer } from "./forwarding/balancer.ts";
import { type BackendResponse, forward } from "./forwarding/forward.ts";
import { keptAlive } from "./forwarding/keepalive.ts";
import { upstreamFields } from "./forwarding/request_headers.ts";
import { clientFields } from "./forwarding/response_headers.ts";
import type { Transport } from "./forwarding/transport/transport.ts";
import { UPGRADE_FIELDS, upgradeOf } from "./forwarding/websocket/handshake.ts";
import { unsupportedReason } from "./forwarding/unsupported.ts";
import { withoutUsage } from "./forwarding/stream_usage/stream_usage.ts";
import { answerFrontPage } from "./own_routes/front_page.ts";
import type { AdminPlace } from "./own_routes/page_html.ts";
import { harmlessText } from "./text/harmless_text.ts";
import { answerHealth, type StorageHealth } from "./own_routes/health.ts";
import { type Field, fieldValue } from "./http/fields.ts";
import {
  discardReply,
  type Entry,
  type Handler,
  type IncomingRequest,
  type OutgoingReply,
} from "./http/message.ts";
import type { HeldBytes, HeldShare } from "./limits/held_bytes.ts";
import type { Limiter } from "./limits/limiter.ts";
import type { Slots } from "./limits/slots.ts";
import type { Principal } from "./principal.ts";
import { withProjectsKey } from "./forwarding/project_key.ts";
import { asksForPulse, pulseReply } from "./own_routes/pulse.ts";
import { joinPath, withoutParameter, withParameter } from "./http/join_url.ts";
import { match, type Target } from "./routing/match.ts";
import { receivedBody } from "./admission/received_body.ts";
import { askingForUsage, readRequest } from "./admission/read_request.ts";
import { parseRequestTarget } from "./http/request_target.ts";
import type { RoutingTable } from "./routing/table.ts";

/** Behind the path a message says what is served. In characters. */
const MAX_QUOTED_PATH = 200;

/** What the handler works with. */
export interface HandlerParts {
  readonly routes: RoutingTable;
  readonly entrance: Entrance;
  /** Undefined: no token is asked for. */
  readonly check: TokenCheck | undefined;
  /** The managed tokens among them, which cannot be guessed. */
  readonly checkManaged: TokenCheck;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly createId: () => string;
  /** When the program started, by the clock. */
  readonly startedAt: number;
  readonly isDraining: () => boolean;
  /** The one of the endpoint, for as long as the configuration lasts. */
  readonly balancerOf: (endpoint: Endpoint) => Balancer;
  /** The longest body a client may send; undefined: without limit. */
  readonly maxBodyBytes: number | undefined;
  /** The longest message on a WebSocket. */
  readonly maxMessageBytes: number;
  /** How much of bodies may be held. */
  readonly heldBytes: HeldBytes;
  /** Places for exchanges. */
  readonly slots: Slots;
  /** Origins of web pages that may read answers. */
  readonly corsOrigins: readonly string[];
  /** Throws `forbidden` where nobody has to present a token, and this request comes from another site's page. */
  readonly checkOpenAccess: (fields: readonly Field[]) => void;
  /** Undefined: it is off. */
  readonly management: Management | undefined;
  /** An attempt failed, and another one follows. */
  readonly onFailover: (failover: Failover) => void;
  /** An exchange begins; it can be ended by its cancellation. */
  readonly onStart: (cancellation: Cancellation) => void;
  /** Once per exchange, after its last byte. */
  readonly onEnd: (record: ExchangeRecord, cancellation: Cancellation) => void;
  /** An error nobody foresaw: a mistake of the proxy's own. */
  readonly onUnexpected: (error: unknown, id: string) => void;
}

/** The management plane, as requests meet it. */
export interface Management {
  readonly accounts: Accounts;
  readonly limiter: Limiter;
  /** Reads tokens again where they were changed; undefined: nothing was. */
  readonly refreshed: () => Promise<void> | undefined;
  /** Answers what is asked of itself; undefined for all other paths. */
  readonly answer: (
    request: IncomingRequest,
    asked: {
      readonly path: string;
      readonly address: string;
      /** What a wrong token in it is counted by. */
      readonly guessPlace: () => GuessPlace;
    },
  ) => Promise<OutgoingReply> | undefined;
  /** How its storage is. */
  readonly storage: () => StorageHealth;
  /** Where the admin page is, for an address that asks by a port of this kind. */
  readonly adminPlace: (entry: Entry, address: string) => AdminPlace;
}

/** Makes the handler of all requests. */
export function createHandler(parts: HandlerParts): Handler {
  const { clock, startedAt, corsOrigins, entrance, management } = parts;
  if (corsOrigins.length === 0) return handle;
  return async (request) => {
    // Pages that may use the endpoints have no business with the management plane.
    if (request.entry === "admin") return await handle(request);
    const origin = allowedOrigin(request.fields, corsOrigins);
    if (origin === undefined) return await handle(request);
    return preflightReply(request.method, request.fields, origin) ?? withCors(await handle(request), origin);
  };

  async function handle(request: IncomingRequest): Promise<OutgoingReply> {
    const { method, fields, cancellation } = request;
    const requested = parseRequestTarget(request.target);
    const path = "refused" in requested ? "" : requested.path;
    const query = "refused" in requested ? "" : requested.query;

    const page = answerFrontPage({ method, fields, path, query }, () => {
      const address = entrance.addressOf(request);
      if (!entrance.isAllowed(address)) return undefined;
      return management?.adminPlace(request.entry, address) ?? { kind: "off" };
    });
    if (page !== undefined) return page;
    const health = answerHealth(method, path, {
      draining: parts.isDraining(),
      uptimeMs: clock.now() - startedAt,
      storage: management?.storage(),
    });
    if (health !== undefined) return health;
    const address = entrance.addressOf(request);
    const managed = management?.answer(request, {
      path,
      address,
      guessPlace: () => entrance.guessPlaceOf(request),
    });
    if (managed !== undefined) return await managed;

    parts.onStart(cancellation);
    let leave = (): void => {};
    let held: HeldShare | undefined;
    const exchange = new Exchange({ id: parts.createId(), method, path, client: address }, {
      clock,
      onEnd(record) {
        leave();
        held?.release();
        parts.onEnd(record, cancellation);
      },
      onFailover: parts.onFailover,
    });
    const target = match(parts.routes, path);
    exchange.endpoint = target?.endpoint.name;
    let answer: BackendResponse | undefined;

    try {
      entrance.checkAddress(address);
      await management?.refreshed();
      const presented = findCredentials(fields, query);
      exchange.conceal(presented);
      const passthrough = target?.endpoint.backends.some(({ key }) => key.mode === "passthrough") === true;
      // A token of 256 random bits cannot be guessed: it is taken also from an address that has to wait.
      const waits = parts.check !== undefined && entrance.mustWait(request, presented);
      const verdict = authenticate(presented, {
        check: waits ? parts.checkManaged : parts.check,
        passthrough,
        endpoint: target?.endpoint.name,
        fields,
        query,
      });
      if (!verdict.admitted) {
        if (waits) throw entrance.waitFault(request, presented);
        entrance.refused(request, verdict.guesses);
        throw new ProxyFault(verdict.code, verdict.message);
      }
      entrance.refused(request, verdict.guesses);
      const { principal } = verdict;
      exchange.principal = principal;
      if (principal.kind === "anonymous") parts.checkOpenAccess(fields);
      request.onAuthenticated?.();
      if (asksForPulse(method, path)) {
        checkDraining(parts);
        const place = parts.slots.take(holderOf(principal, address), cancellation);
        leave = place instanceof Promise ? await place : place;
        exchange.answeredHere(200);
        return pulseReply({ clock, onEnd: (how) => exchange.end(how) });
      }
      const account = management?.accounts.open({
        id: exchange.id,
        principal,
        endpoint: target?.endpoint,
        fields,
      });
      exchange.account = account;

      if ("refused" in requested) throw new ProxyFault("bad_request", requested.refused);
      if (target === undefined) {
        throw new ProxyFault(
          "not_found",
          notFoundMessage(harmlessText(exchange.path, MAX_QUOTED_PATH), parts.routes),
        );
      }
      checkDraining(parts);
      const unsupported = unsupportedReason(request);
      if (unsupported !== undefined) throw new ProxyFault("bad_request", unsupported);
      const upgrade = upgradeOf(request);
      if (typeof upgrade === "string") throw new ProxyFault("bad_request", upgrade);
      const entered = parts.slots.take(holderOf(principal, address), cancellation);
      leave = entered instanceof Promise ? await entered : entered;
      if (entered instanceof Promise) checkDraining(parts);

      const { endpoint, rest } = target;
      held = parts.heldBytes.share(holderOf(principal, address));
      const limited = await receivedBody(request, parts.maxBodyBytes);
      const { limiter } = management ?? {};
      const candidate = account && limiter &&
        { request, principal, endpoint, rest, query, upgrade, account, limiter };
      const admitted = candidate && { ...candidate, admission: admit(candidate) };
      const unread = {
        method,
        fields,
        body: limited,
        principal,
        endpoint,
        path: rest,
        upgrade,
        cancellation,
        held,
      };
      const counted = { ...unread, isCounted: account !== undefined };
      const read = await readRequest(counted);
      const body = admitted === undefined ? read.body : admitBody(admitted, read);
      const asking = askingForUsage(read, counted);
      const sent = asking ?? { ...read, body };

      const keyed = (backend: Backend) => withProjectsKey(backend, { principal, endpoint });
      const headFor = (chosen: Backend) => {
        const backend = keyed(chosen);
        const withheld = backend.key.mode === "passthrough" ? verdict.tokenPlaces : EVERY_PLACE;
        const backendPath = joinPath(backend.baseUrl, rest);
        const ownQuery = withheld.has("query") ? withoutParameter(query, KEY_PARAMETER) : query;
        const backendQuery = upgrade ? withModelOf(backend, ownQuery) : ownQuery;
        const sentFields = upstreamFields(sent.fields, {
          withheld,
          keySubprotocolPrefix: KEY_SUBPROTOCOL_PREFIX,
          backend,
          anthropicVersion: endpoint.anthropicVersion,
          // What is compressed cannot be counted.
          dropped: upgrade && account !== undefined ? "sec-websocket-extensions" : undefined,
        });
        const head = {
          target: backendQuery === "" ? backendPath : `${backendPath}?${backendQuery}`,
          fields: upgrade ? [...UPGRADE_FIELDS, ...sentFields] : sentFields,
        };
        checkHidden({ method, ...head }, verdict.tokens);
        return head;
      };
      answer = await forward({
        endpoint,
        balancer: parts.balancerOf(endpoint),
        principal: holderOf(principal, address),
        method,
        headFor,
        sharesKey: (backend) => keyed(backend) === backend,
        body: sent.body,
        payload: sent.payload,
        memory: held,
        websocket: upgrade ? { maxMessageBytes: parts.maxMessageBytes } : undefined,
        cancellation,
        observer: exchange,
      }, parts);
      const answering = {
        hasProxysKey: injectsCredential(keyed(answer.backend)),
        exposedName: endpoint.exposeBackend ? answer.backend.name : undefined,
      };
      const plain = asking !== undefined ? withoutUsage(answer) : answer.body;
      const clients = clientFields(answer.fields, {
        requestId: exchange.id,
        path,
        backend: answering,
        hasBody: answer.body !== null,
      });
      const { status, reason, omittedLength, tunnel } = answer;
      const { keepaliveMs } = endpoint;
      const keptBody = keepaliveMs === undefined
        ? plain
        : keptAlive({ fields: answer.fields, body: plain }, { silenceMs: keepaliveMs, clock });
      return tunnel === undefined
        ? { status, reason, fields: clients, body: keptBody, omittedLength }
        : { status, reason, fields: [...UPGRADE_FIELDS, ...clients], body: null, tunnel };
    } catch (error) {
      // Also the exchange's slot is released with its answer.
      if (answer !== undefined) discardReply(answer);
      if (error instanceof ClientGone) {
        exchange.end("client_gone");
        return NOBODY_LISTENS;
      }
      const fault = error instanceof ProxyFault ? error : unexpected(error, exchange.id, parts);
      exchange.end(fault);
      return faultReply(fault, { dialect: dialectOf(target, fields), requestId: exchange.id });
    }
  }
}

/** Throws where one of these tokens is about to go upstream. */
function checkHidden(head: OutgoingHead, tokens: readonly string[]): void {
  const where = tokens.length === 0 ? undefined : findHiddenToken(head, tokens);
  if (where === undefined) return;
  throw new ProxyFault(
    "bad_request",
    `This proxy's token is in ${where}, which goes to the provider: send it in Proxy-Authorization alone.`,
  );
}

function checkDraining({ isDraining }: HandlerParts): void {
  if (isDraining()) throw new ProxyFault("draining", "The proxy is shutting down.", { retryAfterSeconds: 1 });
}

/** Who shares places with whom: those who hold the same token, or have none and the same address. */
function holderOf({ kind, tokenId, name }: Principal, address: string): string {
  return kind === "anonymous" ? `${name} ${address}` : tokenId ?? name;
}

/** A backend asks for a model of its own: a WebSocket names it in its query. */
function withModelOf({ model }: Backend, query: string): string {
  const asked = new URLSearchParams(query).get("model");
  const wanted = asked === null ? undefined : overridingModel(model, asked);
  return wanted === undefined ? query : withParameter(query, "model", wanted);
}

/** What is "sent" to a client that has left. */
const NOBODY_LISTENS = { status: 499, reason: "Client Closed Request", fields: [], body: null } as const;

function unexpected(error: unknown, id: string, parts: HandlerParts): ProxyFault {
  parts.onUnexpected(error, id);
  return new ProxyFault("internal", "The proxy failed on this request; its log says more.", { cause: error });
}

/** The dialect of the endpoint, or the client's own where no endpoint was found. */
function dialectOf(target: Target | undefined, fields: readonly Field[]): ErrorDialect {
  if (target !== undefined) return target.endpoint.provider;
  const has = (lower: string) => fieldValue(fields, lower) !== undefined;
  if (has("anthropic-version") || has("x-api-key")) return "anthropic";
  return has("x-goog-api-key") ? "gemini" : "openai";
}

function notFoundMessage(path: string, routes: RoutingTable): string {
  const prefixes = [...routes.endpoints.keys()].map((name) => `/${name}/`).join(", ");
  return `Nothing is served at ${path}. This proxy serves ${prefixes}.`;
}
