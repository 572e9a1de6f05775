/** The outcome of an attempt: what it says of the backend, and what the client or the log gets. */

import { ClientGone } from "../cancellation.ts";
import type { ForwardedExchange, ForwardObserver, ForwardRequest } from "./forward.ts";
import type { Finding } from "./hidden_failure.ts";
import type { Lease } from "./lease.ts";
import { judgeResponse } from "./retry.ts";
import { TimeoutExpired } from "./timeouts.ts";
import { RequestBodyBroken, TransportError, type UpstreamResponse } from "./transport/transport.ts";
import type { BackendResponse, UpstreamCall } from "./upstream_call.ts";
import { faultBeforeResponse } from "./upstream_faults.ts";

/** What an attempt brought: the response whose head has arrived, or an error. */
export type AttemptOutcome = AttemptResponse | {
  readonly error: unknown;
  /** Whether the response broke off before the client got a byte of it. */
  readonly wasHeldBack: boolean;
};

/** The response of an attempt. */
export interface AttemptResponse {
  readonly call: UpstreamCall;
  readonly response: UpstreamResponse;
  /**
   * What the beginning of its body reports. `undefined` if it reports nothing, or the proxy did not read it.
   */
  readonly finding: Finding | undefined;
}

/**
 * Tells the balancer what a response says of its backend. `epochMs` is the time in milliseconds since 1970.
 */
export function recordResponse(
  { response, finding }: Pick<AttemptResponse, "response" | "finding">,
  lease: Lease,
  { request, model, epochMs }: {
    readonly request: ForwardRequest;
    /** Returns the model that the limits of the provider count. `undefined` if it is not known. */
    readonly model: () => string | undefined;
    readonly epochMs: number;
  },
): void {
  const { requests, exchange: { endpoint } } = request;
  if (lease.backend.pool !== undefined) lease.recordHead(response.fields, model());
  // The rate limit of a project's key says nothing of other projects.
  if (response.status === 429 && requests.usesProjectKey(lease.backend)) return;
  const verdict = judgeResponse(response, { ...endpoint.retry, finding, epochMs });
  if (verdict === "good") lease.recordSuccess();
  else if (verdict === "failure") lease.recordFailure({ isCertain: false });
  else if (verdict !== "nothing") lease.recordPause(verdict.limitedMs, model());
}

/**
 * Tells the balancer what a failure says of its backend, and the exchange that the backend may have done
 * work.
 */
export function recordFailure(
  error: unknown,
  lease: Lease,
  exchange: Pick<ForwardedExchange, "onUnanswered">,
): void {
  if (error instanceof TransportError) lease.recordFailure({ isCertain: !error.facts.sent });
  else if (error instanceof TimeoutExpired) {
    lease.recordFailure({ isCertain: error.phase === "connect" || error.phase === "tls" });
    if (error.isUnanswered) exchange.onUnanswered(lease.backend);
  }
}

/** Ends an attempt that another one follows. Returns the reason for the log. */
export function abandon(outcome: AttemptOutcome, lease: Lease): string {
  lease.release();
  if ("error" in outcome) return faultBeforeResponse(outcome.error, lease.backend)?.message ?? "it failed";
  outcome.call.discard();
  return `it ${outcome.finding?.detail ?? `answered ${outcome.response.status}`}`;
}

/** Returns the response of the last attempt for the client, or throws its fault. */
export function responseOf(
  outcome: AttemptOutcome,
  lease: Lease,
  observer: ForwardObserver,
): BackendResponse {
  const { backend } = lease;
  if ("error" in outcome) {
    lease.release();
    const { error } = outcome;
    if (error instanceof RequestBodyBroken) throw new ClientGone("the client left during its upload");
    throw faultBeforeResponse(error, backend) ?? error;
  }
  const { call, response: { status, fields } } = outcome;
  observer.onResponse({ status, fields, headAt: call.headAt }, backend);
  return call.relay(lease, observer);
}
