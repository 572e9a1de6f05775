/** Sends one exchange to a backend, to the next one where that fails, and brings the answer back as it comes. */

import { type Cancellation, ClientGone } from "../cancellation.ts";
import type { Clock } from "../time/clock.ts";
import type { Backend, Endpoint } from "../config/config.ts";
import { ProxyFault } from "../faults.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import type { BodyMemory } from "../streams/held_body.ts";
import type { HeldPayload } from "../payload/held_payload.ts";
import { attempt, type AttemptAnswer, type RelayedResponse } from "./attempt.ts";
import type { BackendRequests } from "./backend_requests.ts";
import type { Balancer, Lease } from "./balancer.ts";
import { RequestContent } from "./request_content.ts";
import { judgeAnswer, mayTryAnother } from "./retry.ts";
import { TimeoutExpired } from "./timeouts.ts";
import {
  RequestBodyBroken,
  type Transport,
  TransportError,
  type UpstreamResponse,
} from "./transport/transport.ts";

/** What is to be sent, and who wants to know how it ends. */
export interface ForwardRequest {
  readonly endpoint: Endpoint;
  readonly balancer: Balancer;
  /** Who asks: a backend that fails for one principal alone is skipped for that one only. */
  readonly principal: string;
  readonly method: string;
  /** The heads that backends get. */
  readonly requests: Pick<BackendRequests, "headFor" | "usesProjectKey">;
  readonly body: MessageBody | null;
  /** The body, where it has been read already. */
  readonly payload: HeldPayload | undefined;
  /** What may be held of the body. It is released once nothing of it is needed any more. */
  readonly memory: BodyMemory;
  /** A WebSocket is asked for, whose messages may be so long. */
  readonly websocket: { readonly maxMessageBytes: number } | undefined;
  readonly cancellation: Cancellation;
  readonly observer: ReplyObserver;
}

/** Is told of the attempts, and of an answer while it passes. */
export interface ReplyObserver {
  /** A backend is asked. */
  readonly attempted: (backend: string) => void;
  /** It was sent the request and did not answer in time. It may have done the work. */
  readonly gaveUp: (backend: Backend) => void;
  /** It failed, and another attempt follows. */
  readonly failedOver: (backend: string, detail: string) => void;
  /** The head of the answer is there that the client gets. */
  readonly answered: (response: Pick<UpstreamResponse, "status" | "fields">, backend: Backend) => void;
  /** So much of its body is looked at within one turn of the event loop; undefined: it costs next to nothing. */
  readonly stepBytes?: number | undefined;
  /** The next piece of its body, valid only now. */
  readonly passed: (piece: Uint8Array) => void;
  /** On a WebSocket: the next piece of what the client says, valid only now. */
  readonly sent: (piece: Uint8Array) => void;
  /** Once, after the answer has begun. A fault here is for the log: the client sees its connection end. */
  readonly end: (ending: "complete" | "client_gone" | ProxyFault) => void;
}

/** An answer, and who gave it. */
export interface BackendResponse extends RelayedResponse {
  readonly backend: Backend;
}

/** Before a backend is asked again that has failed in this very exchange; doubled each time. */
const FIRST_PAUSE_MS = 500;
/** A client would rather have the failure now than wait longer. */
const LONGEST_PAUSE_MS = 30_000;

/** Throws a {@link ProxyFault} or {@link ClientGone} where no answer could be begun. */
export async function forward(
  request: ForwardRequest,
  parts: { readonly transport: Transport; readonly clock: Clock },
): Promise<BackendResponse> {
  const { endpoint, balancer, cancellation, observer } = request;
  const startedAt = parts.clock.now();
  const content = new RequestContent(request, endpoint);
  const tried = new Set<Backend>();
  content.readAhead();
  for (let retriesLeft = endpoint.retry.retries;; retriesLeft--) {
    cancellation.throwIfCancelled();
    const lease = balancer.choose(tried, request.principal);
    tried.add(lease.backend);
    observer.attempted(lease.backend.name);
    const outcome = await tryBackend(lease, { request, content, startedAt }, parts);
    const pauseMs = mayFollow(outcome, endpoint) && retriesLeft > 0 && content.replayable
      ? pauseBefore(request, { tried, retriesLeft })
      : undefined;
    const isInTime = pauseMs !== undefined &&
      parts.clock.now() - startedAt + pauseMs < (lease.backend.timeouts.totalMs ?? Infinity);
    if (!isInTime) {
      content.release();
      return deliver(outcome, { lease, observer });
    }
    const detail = abandon(outcome, lease);
    observer.failedOver(lease.backend.name, detail);
    if (pauseMs > 0) await pause(pauseMs, cancellation, parts.clock);
  }
}

/** What an attempt brought. */
type Outcome =
  | { readonly kind: "answer"; readonly answer: AttemptAnswer }
  | { readonly kind: "failure"; readonly error: unknown };

/** Asks one backend and notes what that says of it. */
async function tryBackend(
  lease: Lease,
  { request, content, startedAt }: { request: ForwardRequest; content: RequestContent; startedAt: number },
  parts: { readonly transport: Transport; readonly clock: Clock },
): Promise<Outcome> {
  const { backend } = lease;
  try {
    const { target, fields } = request.requests.headFor(backend);
    const sent = content.forBackend(backend, fields);
    const { method, cancellation, websocket } = request;
    const answer = await attempt(
      { backend, method, target, content: sent, websocket, cancellation, startedAt },
      parts,
    );
    const verdict = judgeAnswer(answer.response, request.endpoint.retry);
    const isOwnLimit = request.requests.usesProjectKey(backend) && answer.response.status === 429;
    if (isOwnLimit) return { kind: "answer", answer };
    if (verdict === "good") lease.succeeded();
    else if (verdict === "failure") lease.failed({ isCertain: false });
    else lease.limited(verdict.limitedMs);
    return { kind: "answer", answer };
  } catch (caught) {
    const error = request.cancellation.reason ?? caught;
    if (error instanceof TransportError) lease.failed({ isCertain: !error.facts.sent });
    else if (error instanceof TimeoutExpired) {
      lease.failed({ isCertain: error.phase === "connect" || error.phase === "tls" });
      if (error.isUnanswered) request.observer.gaveUp(backend);
    }
    return { kind: "failure", error };
  }
}

function mayFollow(outcome: Outcome, { retry }: Endpoint): boolean {
  return outcome.kind === "answer"
    ? retry.statuses.has(outcome.answer.response.status)
    : mayTryAnother(outcome.error);
}

/** How long to wait before the next attempt; undefined: too long. A backend that was not asked yet is asked at once. */
function pauseBefore(
  { balancer, endpoint, principal }: ForwardRequest,
  { tried, retriesLeft }: { tried: ReadonlySet<Backend>; retriesLeft: number },
): number | undefined {
  if (tried.size < endpoint.backends.length) return 0;
  const round = endpoint.retry.retries - retriesLeft - (endpoint.backends.length - 1);
  const pauseMs = Math.max(FIRST_PAUSE_MS * 2 ** round, balancer.waitMs(principal));
  return pauseMs > LONGEST_PAUSE_MS ? undefined : pauseMs;
}

/** Ends an attempt that another one follows; says what became of it. */
function abandon(outcome: Outcome, lease: Lease): string {
  lease.released();
  if (outcome.kind === "failure") return failureOf(outcome.error, lease.backend)?.message ?? "it failed";
  outcome.answer.giveUp();
  return `it answered ${outcome.answer.response.status}`;
}

/** The client's answer, or the fault that there is instead. */
function deliver(
  outcome: Outcome,
  { lease, observer }: { lease: Lease; observer: ReplyObserver },
): BackendResponse {
  const { backend } = lease;
  if (outcome.kind === "failure") {
    lease.released();
    const { error } = outcome;
    if (error instanceof RequestBodyBroken) throw new ClientGone("the client left within its upload");
    throw failureOf(error, backend) ?? error;
  }
  observer.answered(outcome.answer.response, backend);
  const response = outcome.answer.relay({
    stepBytes: observer.stepBytes,
    chunk: (piece) => observer.passed(piece),
    sent: (piece) => observer.sent(piece),
    ended(how) {
      lease.released();
      if (typeof how === "string") return observer.end(how);
      const fault = cutOf(how.brokenBy, backend);
      if (!(how.brokenBy instanceof ProxyFault)) lease.failed({ isCertain: false });
      observer.end(fault);
    },
  });
  return {
    status: response.status,
    reason: response.reason,
    fields: response.fields,
    body: response.body,
    omittedLength: response.omittedLength,
    ...(response.tunnel && { tunnel: response.tunnel }),
    backend,
  };
}

async function pause(durationMs: number, cancellation: Cancellation, clock: Clock): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stop = clock.after(durationMs, resolve);
  cancellation.stopWith(resolve);
  await promise;
  stop();
  cancellation.stopWith(undefined);
}

/** Why no answer could be begun, without URL, key or the runtime's own words; undefined: no failure of HTTP. */
function failureOf(error: unknown, backend: Backend): ProxyFault | undefined {
  const host = hostOf(backend);
  if (error instanceof TimeoutExpired) {
    return new ProxyFault("upstream_timeout", `${host} did not answer in time: ${error.message}.`);
  }
  if (error instanceof TransportError) {
    return new ProxyFault("bad_gateway", `No answer from ${host}: ${error.message}.`, { cause: error });
  }
  return undefined;
}

/** Why an answer that had begun was cut. */
function cutOf(error: unknown, backend: Backend): ProxyFault {
  if (error instanceof ProxyFault) return error;
  const host = hostOf(backend);
  if (error instanceof TimeoutExpired) {
    return new ProxyFault("upstream_timeout", `${host} fell silent within its answer: ${error.message}.`);
  }
  const reason = error instanceof TransportError ? error.message : "the answer was cut";
  return new ProxyFault("bad_gateway", `The answer of ${host} is not whole: ${reason}.`, { cause: error });
}

function hostOf(backend: Backend): string {
  return new URL(backend.baseUrl.origin).host;
}
