/** The whole life of a request, top to bottom. The only place that knows the order of the stages. */

import { authenticate } from "./auth/authenticate.ts";
import { findCredentials, KEY_PARAMETER, KEY_SUBPROTOCOL_PREFIX } from "./auth/credential.ts";
import type { TokenCheck } from "./auth/shared_token.ts";
import { type Cancellation, ClientGone } from "./cancellation.ts";
import type { Clock } from "./clock.ts";
import { Exchange, type ExchangeRecord } from "./exchange.ts";
import { type ErrorDialect, faultReply, ProxyFault } from "./faults.ts";
import { forward } from "./forwarding/forward.ts";
import { upstreamFields } from "./forwarding/request_headers.ts";
import { clientFields } from "./forwarding/response_headers.ts";
import type { Transport } from "./forwarding/transport/transport.ts";
import { unsupportedReason } from "./forwarding/unsupported.ts";
import { answerHealth } from "./health.ts";
import { type Field, fieldValue } from "./http1/fields.ts";
import type { Handler } from "./http1/message.ts";
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
  /** An exchange begins; it can be ended by its cancellation. */
  readonly onStart: (cancellation: Cancellation) => void;
  /** Once per exchange, after its last byte. */
  readonly onEnd: (record: ExchangeRecord, cancellation: Cancellation) => void;
  /** An error nobody foresaw: a mistake of the proxy's own. */
  readonly onUnexpected: (error: unknown, id: string) => void;
}

/** Makes the handler of all requests. */
export function createHandler(parts: HandlerParts): Handler {
  const { clock } = parts;
  const startedAt = clock.now();

  return async function handle(request) {
    const { method, fields, cancellation } = request;
    const requested = parseRequestTarget(request.target);
    const path = "refused" in requested ? "" : requested.path;
    const query = "refused" in requested ? "" : requested.query;

    const health = answerHealth(method, path, {
      draining: parts.isDraining(),
      uptimeMs: clock.now() - startedAt,
    });
    if (health !== undefined) return health;

    parts.onStart(cancellation);
    const exchange = new Exchange({ id: parts.createId(), method, path }, {
      clock,
      onEnd: (record) => parts.onEnd(record, cancellation),
    });
    const target = match(parts.routes, path);
    exchange.endpoint = target?.endpoint.name;

    try {
      const passthrough = target !== undefined && target.endpoint.backend.apiKey === undefined;
      const verdict = authenticate(findCredentials(fields, query), { check: parts.check, passthrough });
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
        fields: upstreamFields(fields, {
          withheld,
          keySubprotocolPrefix: KEY_SUBPROTOCOL_PREFIX,
          provider: endpoint.provider,
          apiKey: backend.apiKey,
          anthropicVersion: endpoint.anthropicVersion,
        }),
        body: request.body,
        bodyLength: request.bodyLength,
        cancellation,
        observer: exchange,
      }, parts);
      return { ...reply, fields: clientFields(reply.fields, exchange.id) };
    } catch (error) {
      if (error instanceof ClientGone) {
        exchange.end("client_gone");
        return NOBODY_LISTENS;
      }
      const fault = error instanceof ProxyFault ? error : unexpected(error, exchange.id, parts);
      exchange.end(fault);
      return faultReply(fault, { dialect: dialectOf(target, fields), requestId: exchange.id });
    }
  };
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
