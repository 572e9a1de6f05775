import type { FailureFacts } from "./transport.ts";

/** A failure later than this is not a crossing close: the upstream may have worked on the request. */
const CROSSING_MS = 2_000;

/**
 * Whether a request that failed on a kept connection may be sent again on a fresh one. An upstream may close
 * an idle connection at any time, so that its close crosses a request. That is only possible on a connection
 * that had served a request before, and where no byte of a response arrived. On a fresh connection the failure
 * is what the upstream wants.
 */
export function canResendOnFreshConnection({ reused, received, elapsedMs }: FailureFacts): boolean {
  return reused && !received && elapsedMs < CROSSING_MS;
}
