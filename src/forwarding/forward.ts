/**
 * Sends the request of one exchange to a backend, and to further backends where that fails. Relays the
 * answer.
 */

import { type Cancellation, ClientGone } from "../cancellation.ts";
import type { Clock } from "../time/clock.ts";
import { operationOf } from "../apis/operation_of.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import type { Field } from "../http/fields.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { BodyMemory } from "../streams/held_body.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import type { BackendRequests } from "./backend_requests.ts";
import type { BackendWish, Balancer } from "./balancer.ts";
import { type Finding, hiddenFailure, mayHideFailure } from "./hidden_failure.ts";
import type { Lease } from "./lease.ts";
import { RequestContent } from "./request_content.ts";
import { modelOf, NO_TRAITS, type RequestTraits, traitsOf } from "./request_traits.ts";
import { canFailOver, isCreation, judgeAnswer, mayBeDone } from "./retry.ts";
import { TimeoutExpired } from "./timeouts.ts";
import {
  type BackendResponse,
  type CallRequest,
  type ResponseObserver,
  UpstreamCall,
  type WebSocketOptions,
} from "./upstream_call.ts";
import { WakeUp } from "./wake_up.ts";
import { faultBeforeResponse } from "./upstream_faults.ts";
import {
  RequestBodyBroken,
  type Transport,
  TransportError,
  type UpstreamResponse,
} from "./transport/transport.ts";

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
  readonly rest: string;
}

/** An exchange, and what is forwarded of its request. */
export interface ForwardRequest {
  readonly exchange: ForwardedExchange;
  readonly balancer: Balancer;
  /** The only backend that has the objects of the request. Undefined: the balancer chooses. */
  readonly pinned?: Backend | undefined;
  /** Makes the heads for the backends. */
  readonly requests: Pick<BackendRequests, "headFor" | "usesProjectKey">;
  readonly body: MessageBody | null;
  /** The body in memory. Undefined: it has not been read. */
  readonly payload: HeldPayload | undefined;
  /** The memory for the body. It is released when no attempt needs the body any more. */
  readonly memory: BodyMemory;
  /** The longest message of the WebSocket. Undefined: the request does not ask for a WebSocket. */
  readonly websocket: WebSocketOptions | undefined;
}

/**
 * Observes a request that is forwarded: its attempts in their order, and then the response of the last one. This is
 * the exchange, seen from here.
 */
export interface ForwardObserver extends ResponseObserver {
  /** The proxy sends the request to a backend. */
  readonly attempted: (backend: string) => void;
  /** The backend got the request, and did not answer in time. It may have done the work. */
  readonly unanswered: (backend: Backend) => void;
  /** The attempt failed, and another one follows. */
  readonly failedOver: (backend: string, detail: string) => void;
  /** The head of the client's answer has arrived. Earlier answers were discarded. */
  readonly answered: (response: Pick<UpstreamResponse, "status" | "fields">, backend: Backend) => void;
}

/** The pause before the second attempt at a backend. Each further attempt doubles it. */
const FIRST_PAUSE_MS = 500;
/** The longest pause before an attempt. If a longer one is needed, the client gets the failure at once. */
const LONGEST_PAUSE_MS = 30_000;

/**
 * Sends a request to a backend, and to further ones where that fails. Throws a {@link ProxyFault} or {@link
 * ClientGone} where no response began.
 */
export async function forward(
  request: ForwardRequest,
  parts: { readonly transport: Transport; readonly clock: Clock },
): Promise<BackendResponse> {
  const { exchange, balancer, pinned } = request;
  const { endpoint, request: { cancellation } } = exchange;
  const startedAt = parts.clock.now();
  const { method } = exchange.request;
  const isUnsafe = request.body !== null && !endpoint.retry.unsafe &&
    isCreation(method, operationOf(method, exchange.rest));
  const content = new RequestContent(request, { ...endpoint, isUnsafe });
  const tried = new Set<Backend>();
  /** The backend that sleeps, and is tried again after it was woken. */
  let sleeping: Lease | undefined;
  let woken: Backend | undefined;
  content.readAhead();
  const traits = endpoint.backends.length === 1 ? NO_TRAITS : await traitsOf(request, content);
  const wish: BackendWish = { ...traits, tried, principal: exchange.holder };
  for (let retriesLeft = endpoint.retry.retries;; retriesLeft--) {
    cancellation.throwIfCancelled();
    const only = woken ?? pinned;
    const lease = only === undefined ? balancer.choose(wish) : balancer.again(only, exchange.holder);
    const { backend } = lease;
    tried.add(backend);
    exchange.attempted(backend.name);
    let call: UpstreamCall | undefined;
    let outcome: CallOutcome;
    let isExamined = false;
    try {
      call = new UpstreamCall(callRequest(request, { backend, content, startedAt }), parts);
      const response = await call.send();
      call.begun(response);
      const mayFail = retriesLeft > 0 && content.replayable;
      // Why a request was rejected decides whether the next ones are sent to the same backend.
      const isRejected = response.status === 429 && endpoint.backends.length > 1;
      isExamined = (mayFail || isRejected) && mayHideFailure(response);
      const finding = isExamined
        ? await call.examine((body) => hiddenFailure(response.status, body))
        : undefined;
      outcome = { call, response, finding };
      recordAnswer(outcome, lease, { request, content, traits, epochMs: parts.clock.epochMs() });
    } catch (caught) {
      const error = call === undefined ? caught : call.failed(caught);
      outcome = { error: cancellation.reason ?? error, isUnseen: isExamined };
      recordFailure(outcome.error, lease, request);
      if (backend.wake !== undefined && !mayBeDone(outcome) && outcome.error !== cancellation.reason) {
        lease.wake();
        sleeping ??= lease;
      }
    }
    const mayFollow = canFailOver(outcome, endpoint.retry) && retriesLeft > 0 && content.replayable &&
      !(isUnsafe && mayBeDone(outcome));
    const pauseMs = mayFollow ? pauseBefore(request, { tried, retriesLeft, traits }) : undefined;
    const isInTime = pauseMs !== undefined &&
      parts.clock.now() - startedAt + pauseMs < (backend.timeouts.totalMs ?? Infinity);
    if (!isInTime) {
      const maySleep = sleeping !== undefined && woken === undefined &&
        mayFollowWake(outcome, { request, content, isUnsafe });
      if (!maySleep || sleeping === undefined || !await awake(sleeping, request, parts)) {
        content.release();
        if (maySleep && cancellation.reason !== undefined) {
          abandon(outcome, lease);
          throw cancellation.reason;
        }
        return deliver(outcome, lease, exchange);
      }
      woken = sleeping.backend;
      exchange.failedOver(backend.name, abandon(outcome, lease));
      continue;
    }
    const detail = abandon(outcome, lease);
    exchange.failedOver(backend.name, detail);
    if (pauseMs > 0) await pause(pauseMs, cancellation, parts.clock);
  }
}

/** Whether the request can go to a backend that was woken: the attempt failed, and the request can be sent again. */
function mayFollowWake(
  outcome: CallOutcome,
  { request: { exchange: { endpoint } }, content, isUnsafe }: {
    request: ForwardRequest;
    content: RequestContent;
    isUnsafe: boolean;
  },
): boolean {
  if (!canFailOver(outcome, endpoint.retry)) return false;
  return !mayBeDone(outcome) && "error" in outcome || content.replayable && !(isUnsafe && mayBeDone(outcome));
}

/** Waits until a backend that sleeps answers. False: it did not in time, or the client has left. */
async function awake(
  lease: Lease,
  { exchange: { endpoint, request: { cancellation } } }: ForwardRequest,
  parts: { readonly transport: Transport; readonly clock: Clock },
): Promise<boolean> {
  const { backend } = lease;
  if (backend.wake === undefined) return false;
  const { timeoutMs } = backend.wake;
  return await lease.wakeUp(() => new WakeUp(backend, { ...parts, endpoint, timeoutMs })).wait(cancellation);
}

/** What an attempt brought. */
type CallOutcome =
  | {
    readonly call: UpstreamCall;
    readonly response: UpstreamResponse;
    readonly finding: Finding | undefined;
  }
  | { readonly error: unknown; readonly isUnseen: boolean };

/** The request for one backend. Throws where no request can be made for it. */
function callRequest(
  { exchange: { request: { method, cancellation } }, requests, websocket }: ForwardRequest,
  { backend, content, startedAt }: { backend: Backend; content: RequestContent; startedAt: number },
): CallRequest {
  const { target, fields } = requests.headFor(backend);
  return {
    backend,
    method,
    target,
    content: content.forBackend(backend, fields),
    cancellation,
    websocket,
    startedAt,
  };
}

/** Tells the balancer what a response says of its backend. */
function recordAnswer(
  { response, finding }: { response: UpstreamResponse; finding: Finding | undefined },
  lease: Lease,
  { request, content, traits, epochMs }: {
    request: ForwardRequest;
    content: RequestContent;
    traits: RequestTraits;
    epochMs: number;
  },
): void {
  const { requests, exchange: { endpoint } } = request;
  if (lease.backend.pool !== undefined) lease.answered(response.fields, traits.model);
  // The rate limit of a project's key says nothing of other projects.
  if (response.status === 429 && requests.usesProjectKey(lease.backend)) return;
  const verdict = judgeAnswer(response, { ...endpoint.retry, finding, epochMs });
  if (verdict === "good") lease.succeeded();
  else if (verdict === "failure") lease.failed({ isCertain: false });
  else if (verdict !== "nothing") {
    lease.limited(verdict.limitedMs, traits.model ?? modelOf(request, content.kept()));
  }
}

/** Tells the balancer what a failure says of its backend, and the exchange that the backend may have done work. */
function recordFailure(
  error: unknown,
  lease: Lease,
  { exchange }: ForwardRequest,
): void {
  if (error instanceof TransportError) lease.failed({ isCertain: !error.facts.sent });
  else if (error instanceof TimeoutExpired) {
    lease.failed({ isCertain: error.phase === "connect" || error.phase === "tls" });
    if (error.isUnanswered) exchange.unanswered(lease.backend);
  }
}

/**
 * The pause before the next attempt in milliseconds. 0 if a backend was not tried yet. Undefined if the pause
 * would be longer than {@link LONGEST_PAUSE_MS}.
 */
function pauseBefore(
  { balancer, pinned, exchange: { endpoint, holder } }: ForwardRequest,
  { tried, retriesLeft, traits: { model } }: {
    tried: ReadonlySet<Backend>;
    retriesLeft: number;
    traits: RequestTraits;
  },
): number | undefined {
  const backends = pinned === undefined ? endpoint.backends.length : 1;
  if (tried.size < backends) return 0;
  const round = endpoint.retry.retries - retriesLeft - (backends - 1);
  const pauseMs = Math.max(FIRST_PAUSE_MS * 2 ** round, balancer.waitMs({ principal: holder, model }));
  return pauseMs > LONGEST_PAUSE_MS ? undefined : pauseMs;
}

/** Ends an attempt that another one follows. Returns the reason for the log. */
function abandon(outcome: CallOutcome, lease: Lease): string {
  lease.released();
  if ("error" in outcome) return faultBeforeResponse(outcome.error, lease.backend)?.message ?? "it failed";
  outcome.call.discard();
  return `it ${outcome.finding?.detail ?? `answered ${outcome.response.status}`}`;
}

/** Returns the response of the last attempt, or throws its fault. */
function deliver(outcome: CallOutcome, lease: Lease, observer: ForwardObserver): BackendResponse {
  const { backend } = lease;
  if ("error" in outcome) {
    lease.released();
    const { error } = outcome;
    if (error instanceof RequestBodyBroken) throw new ClientGone("the client left during its upload");
    throw faultBeforeResponse(error, backend) ?? error;
  }
  observer.answered(outcome.response, backend);
  return outcome.call.relay(lease, observer);
}

async function pause(durationMs: number, cancellation: Cancellation, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = clock.after(durationMs, resolve);
  const departure = { cancelled: resolve };
  cancellation.addListener(departure);
  await promise;
  stop();
  cancellation.removeListener(departure);
}
