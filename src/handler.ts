/** The whole life of a request, top to bottom. The only place that knows the order of the stages. */

import { authenticate } from "./auth/authenticate.ts";
import { findCredentials, KEY_PARAMETER, KEY_SUBPROTOCOL_PREFIX } from "./auth/credential.ts";
import type { TokenCheck } from "./auth/shared_token.ts";
import type { Clock } from "./clock.ts";
import { CLIENT_GONE_STATUS, Exchange, type ExchangeRecord } from "./exchange.ts";
import { type ErrorDialect, faultResponse, ProxyFault } from "./faults.ts";
import { ClientGone, forward } from "./forwarding/forward.ts";
import { requestBody, unsupportedReason } from "./forwarding/request_body.ts";
import { upstreamHeaders } from "./forwarding/request_headers.ts";
import { clientHeaders } from "./forwarding/response_headers.ts";
import type { Transport } from "./forwarding/transport/transport.ts";
import { answerHealth } from "./health.ts";
import { joinPath, withoutParameter } from "./routing/join_url.ts";
import { match, type Target } from "./routing/match.ts";
import { parseRequestTarget } from "./routing/request_target.ts";
import type { RoutingTable } from "./routing/table.ts";

/** What the handler works with. */
export interface HandlerParts {
  readonly routes: RoutingTable;
  /** Undefined: no token is asked for. */
  readonly check: TokenCheck | undefined;
  readonly transport: Transport;
  readonly clock: Clock;
  readonly createId: () => string;
  readonly isDraining: () => boolean;
  /** Aborted with a fault when exchanges that still run have to end. */
  readonly cutShort: AbortSignal;
  readonly onStart: () => void;
  /** Once per exchange, after its last byte. */
  readonly onEnd: (record: ExchangeRecord) => void;
  /** An error nobody foresaw: a mistake of the proxy's own. */
  readonly onUnexpected: (error: unknown, id: string) => void;
}

/** Answers a request; never throws. */
export type Handler = (request: Request) => Promise<Response>;

/** Makes the handler of all requests. */
export function createHandler(parts: HandlerParts): Handler {
  const { clock } = parts;
  const startedAt = clock.now();

  return async function handle(request) {
    const { method, headers } = request;
    const requested = parseRequestTarget(request.url, headers.get("host"));
    const path = "refused" in requested ? "" : requested.path;
    const query = "refused" in requested ? "" : requested.query;

    const health = answerHealth(method, path, {
      draining: parts.isDraining(),
      uptimeMs: clock.now() - startedAt,
    });
    if (health !== undefined) return health;

    parts.onStart();
    const exchange = new Exchange({ id: parts.createId(), method, path }, { clock, onEnd: parts.onEnd });
    const target = match(parts.routes, path);
    exchange.endpoint = target?.endpoint.name;

    try {
      const passthrough = target !== undefined && target.endpoint.backend.apiKey === undefined;
      const verdict = authenticate(findCredentials(headers, query), { check: parts.check, passthrough });
      if (!verdict.admitted) throw new ProxyFault("unauthorized", verdict.message);
      exchange.principal = verdict.principal;

      if ("refused" in requested) throw new ProxyFault("bad_request", requested.refused);
      if (target === undefined) throw new ProxyFault("not_found", notFoundMessage(path, parts.routes));
      if (parts.isDraining()) {
        throw new ProxyFault("draining", "The proxy is shutting down.", { retryAfterSeconds: 1 });
      }
      const unsupported = unsupportedReason(request);
      if (unsupported !== undefined) throw new ProxyFault("bad_request", unsupported);

      const { endpoint, rest } = target;
      const { backend } = endpoint;
      const { withheld } = verdict;
      const backendPath = joinPath(backend.baseUrl, rest);
      const backendQuery = withheld.has("query") ? withoutParameter(query, KEY_PARAMETER) : query;
      const reply = await forward({
        backend,
        method,
        target: backendQuery === "" ? backendPath : `${backendPath}?${backendQuery}`,
        headers: upstreamHeaders(headers, {
          withheld,
          keySubprotocolPrefix: KEY_SUBPROTOCOL_PREFIX,
          provider: endpoint.provider,
          apiKey: backend.apiKey,
          anthropicVersion: endpoint.anthropicVersion,
        }),
        body: requestBody(request),
        clientGone: request.signal,
        cutShort: parts.cutShort,
        observer: exchange,
      }, parts);
      return new Response(reply.body, {
        status: reply.status,
        headers: clientHeaders(reply.headers, exchange.id),
      });
    } catch (error) {
      if (error instanceof ClientGone) {
        exchange.end("client_gone");
        return new Response(null, { status: CLIENT_GONE_STATUS });
      }
      const fault = error instanceof ProxyFault ? error : unexpected(error, exchange.id, parts);
      exchange.end(fault);
      return faultResponse(fault, {
        dialect: dialectOf(target, headers),
        requestId: exchange.id,
        withoutBody: method === "HEAD",
      });
    }
  };
}

function unexpected(error: unknown, id: string, parts: HandlerParts): ProxyFault {
  parts.onUnexpected(error, id);
  return new ProxyFault("internal", "The proxy failed on this request; its log says more.", { cause: error });
}

/** The dialect of the endpoint, or the client's own where no endpoint was found. */
function dialectOf(target: Target | undefined, headers: Headers): ErrorDialect {
  if (target !== undefined) return target.endpoint.provider;
  if (headers.has("anthropic-version") || headers.has("x-api-key")) return "anthropic";
  return headers.has("x-goog-api-key") ? "gemini" : "openai";
}

function notFoundMessage(path: string, routes: RoutingTable): string {
  const prefixes = [...routes.endpoints.keys()].map((name) => `/${name}/`).join(", ");
  return `Nothing is served at ${path}. This proxy serves ${prefixes}.`;
}
