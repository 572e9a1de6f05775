import type { Log } from "../observability/log.ts";
import { traceOf } from "../text/error_text.ts";

/**
 * Logs failures of promises that nobody waited for, in place of the runtime's answer to them, which is the end of the
 * process: a mistake of the program then costs one connection and not all. Gives what ends it.
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
