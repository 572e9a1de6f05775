/** Forwards the request of an admitted exchange, and makes the reply for the client from the response. */

import type { Client } from "../auth/identify_client.ts";
import { urlPlace } from "../forwarding/body_urls.ts";
import { BackendRequests, type BackendRequestsParts } from "../forwarding/backend_requests.ts";
import { clientReply } from "../forwarding/client_reply.ts";
import { type EarlyHead, earlyHeadOf } from "../forwarding/early_head.ts";
import { forward, type ForwardRequest } from "../forwarding/forward.ts";
import type { BackendResponse } from "../forwarding/upstream_call.ts";
import { allowedOrigin } from "../http/cors.ts";
import type { OutgoingReply } from "../http/message.ts";
import type { AdmittedExchange } from "./admit_exchange.ts";
import { ListFilter, withIdentity } from "./list_filter.ts";
import type { ProxyParts } from "./proxy_parts.ts";

/** The request of one exchange on its way to a backend, and the response on its way to the client. */
export class Forwarding {
  readonly #admitted: AdmittedExchange;
  readonly #proxy: ProxyParts;
  readonly #requestParts: BackendRequestsParts;
  readonly #requests: BackendRequests;
  /** The filter of the response. `undefined` if the client gets the response as it is. */
  readonly #filter: ListFilter | undefined;
  /** Begins the response if the upstream does not. `undefined` if only the upstream begins it. */
  readonly early: EarlyHead | undefined;

  constructor(admitted: AdmittedExchange, proxy: ProxyParts, { credentials }: Pick<Client, "credentials">) {
    const { exchange, request: { fields }, isWebSocket } = admitted;
    this.#admitted = admitted;
    this.#proxy = proxy;
    this.#filter = ListFilter.for(admitted);
    this.early = this.#filter === undefined
      ? earlyHeadOf(exchange, admitted.request, { isWebSocket })
      : undefined;
    this.#requestParts = {
      credentials,
      fields: this.#filter === undefined ? this.early?.fields ?? fields : withIdentity(fields),
      isWebSocket,
      isCounted: exchange.account !== undefined,
      isFromPage: allowedOrigin(exchange.request.fields, proxy.corsOrigins) !== undefined,
      urlsIn: urlPlace(exchange),
    };
    this.#requests = new BackendRequests(exchange, this.#requestParts);
  }

  /** Sends the request. Throws as {@link forward} does. */
  send(): Promise<BackendResponse> {
    const { transport, clock, maxMessageBytes, balancerOf, management, wholeResponses } = this.#proxy;
    const { exchange, request: { body, payload }, isWebSocket, bodyMemory, objects } = this.#admitted;
    const request: ForwardRequest = {
      exchange,
      balancer: balancerOf(exchange.endpoint),
      pinned: objects?.pinned,
      requests: this.#requests,
      body: this.early?.body ?? body,
      payload,
      memory: bodyMemory,
      peekMemory: () => wholeResponses.begin(exchange.holder),
      websocket: isWebSocket ? { maxMessageBytes, check: objects?.messageCheck(maxMessageBytes) } : undefined,
    };
    if (this.#filter === undefined) return forward(request, this.#proxy);
    const requestsFor = (query: string) => this.#requestsFor(query);
    return this.#filter.send(request, {
      transport,
      clock,
      wholeResponses,
      limiter: management?.limiter,
      requestsFor,
    });
  }

  /**
   * Makes the reply for the client. `path` is that of the client's request, byte for byte. Throws
   * `bad_gateway` if the proxy has to change a response that it cannot read.
   */
  reply(response: BackendResponse, path: string): OutgoingReply {
    const { exchange, request: { usageWasAdded } } = this.#admitted;
    const { clientAccess, clock } = this.#proxy;
    return clientReply(response, {
      exchange,
      backend: this.#requests.withKey(response.backend),
      usageWasAdded,
      urlsIn: this.#requestParts.urlsIn,
      client: () => ({ origin: clientAccess.originOf(exchange.request), path }),
      clock,
    });
  }

  /** The heads of the same request with another query. */
  #requestsFor(query: string): BackendRequests {
    const { request, endpoint, principal, apiPath } = this.#admitted.exchange;
    return new BackendRequests({ request, endpoint, principal, apiPath, query }, this.#requestParts);
  }
}
