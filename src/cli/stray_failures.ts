import type { Log } from "../observability/log.ts";
import { traceOf } from "../text/error_text.ts";

/**
 * Logs unhandled promise rejections, which would otherwise end the process. So a bug breaks one connection,
 * and not all. Returns a function that removes the listener.
 */
export function logStrayFailures(log: Log): () => void {
  const onFailure = (event: PromiseRejectionEvent): void => {
    event.preventDefault();
    const { reason } = event;
    log("error", "unexpected", {
      detail: traceOf(reason),
    });
  };
  globalThis.addEventListener("unhandledrejection", onFailure);
  return () => globalThis.removeEventListener("unhandledrejection", onFailure);
}
