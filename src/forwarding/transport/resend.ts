import type { FailureFacts } from "./transport.ts";

/**
 * After this time, a failure no longer means that the upstream closed the idle connection while the request
 * was on its way. The upstream may have worked on the request.
 */
const CROSSING_MS = 2_000;

/**
 * Whether a request that failed on a kept connection may be sent again on a fresh one. An upstream may close
 * an idle connection at any time, so that its close crosses a request. That is only possible on a connection
 * that had served a request before, and where no byte of a response arrived. On a fresh connection, the
 * upstream rejected this request.
 */
export function canResendOnFreshConnection({ reused, received, elapsedMs }: FailureFacts): boolean {
  return reused && !received && elapsedMs < CROSSING_MS;
}
