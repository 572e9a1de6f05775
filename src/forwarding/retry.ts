import type { FailureFacts } from "./transport/transport.ts";

/** A close that crosses a request is seen within a round trip; what fails later may have been worked on. */
const CROSSING_MS = 2_000;

/**
 * Whether a request that failed on a kept connection may be sent once more on a fresh one: an upstream closes idle
 * connections when it likes, and a request can cross that close. Only if nothing of an answer was seen, and only
 * on a connection that had worked before; on a fresh one the failure is the upstream's answer.
 */
export function maySendAgain(
  { reused, received, elapsedMs }: FailureFacts,
  body: { readonly replayable: boolean },
): boolean {
  return reused && !received && elapsedMs < CROSSING_MS && body.replayable;
}
