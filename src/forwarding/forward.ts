/**
 * Sends the request of one exchange to a backend, and to other backends if that fails. Relays the response.
 */

import type { PeekMemory } from "./peeked_body.ts";
import type { Cancellation } from "../cancellation.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { Field } from "../http/fields.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { BodyMemory } from "../streams/held_body.ts";
import { Attempts, type AttemptsParts } from "./attempts.ts";
import type { BackendRequests } from "./backend_requests.ts";
import type { Balancer } from "./balancer.ts";
import type { UpstreamResponse } from "./transport/transport.ts";
import type { BackendResponse, ResponseObserver, WebSocketOptions } from "./upstream_call.ts";

/** The exchange that is forwarded. It observes its attempts and its response. */
export interface ForwardedExchange extends ForwardObserver {
  readonly endpoint: Endpoint;
  /**
   * The key of the client's token or address. A backend that fails for one client only is skipped for that
   * client only.
   */
  readonly holder: string;
  readonly request: {
    readonly method: string;
    readonly fields: readonly Field[];
    readonly cancellation: Cancellation;
  };
  /** The path after the name of the endpoint. */
  readonly apiPath: string;
}

/** An exchange, and what is forwarded of its request. */
export interface ForwardRequest {
  readonly exchange: ForwardedExchange;
  readonly balancer: Balancer;
  /** The only backend that has the objects of the request. `undefined` if the balancer chooses. */
  readonly pinned?: Backend | undefined;
  /** Makes the heads for the backends. */
  readonly requests: Pick<BackendRequests, "headFor" | "usesProjectKey">;
  readonly body: MessageBody | null;
  /** The body in memory. `undefined` if it has not been read. */
  readonly payload: HeldPayload | undefined;
  /** The memory for the body. It is released when no attempt needs the body any more. */
  readonly memory: BodyMemory;
  /** The memory for the beginning of a response that may hide a failure. `undefined` if it is not counted. */
  readonly peekMemory?: (() => PeekMemory) | undefined;
  /** How the proxy carries the WebSocket. `undefined` if the request asks for none. */
  readonly websocket: WebSocketOptions | undefined;
}

/**
 * Observes a request that is forwarded: its attempts in their order, and then the response of the last one.
 * This is the exchange, seen from here.
 */
export interface ForwardObserver extends ResponseObserver {
  /** The proxy sends the request to a backend. */
  readonly onAttempt: (backend: string) => void;
  /** The backend got the request, and did not answer in time. It may have done the work. */
  readonly onUnanswered: (backend: Backend) => void;
  /** The request is sent to the same backend again, because the backend had closed a kept connection. */
  readonly resent: (backend: string) => void;
  /** The attempt failed, and another one is to follow, unless the client leaves before. */
  readonly onFailover: (detail: string) => void;
  /**
   * The response for the client is chosen. Earlier responses were discarded. Its head may have arrived some
   * time ago (`headAt`), because the proxy can read the first event before.
   */
  readonly onResponse: (
    response: Pick<UpstreamResponse, "status" | "fields"> & Pick<BackendResponse, "headAt">,
    backend: Backend,
  ) => void;
}

/**
 * Sends a request to a backend, and to other backends if that fails. Throws a {@link ProxyFault}, a
 * {@link ClientGone} or an unexpected error if no response began.
 */
export function forward(request: ForwardRequest, parts: AttemptsParts): Promise<BackendResponse> {
  return new Attempts(request, parts).run();
}
