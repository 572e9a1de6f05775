import type { BackendReport } from "../../forwarding/balancer.ts";
import type { SentBackend } from "./methods.ts";

/** The states of a backend from the best to the worst. */
const STATES: readonly BackendReport["state"][] = ["up", "rate_limited", "cooldown"];

/**
 * The states of backends in all threads: for each backend, the worst state and the sum of its running
 * attempts.
 */
export function mergedReports(
  own: readonly BackendReport[],
  others: readonly (readonly SentBackend[])[],
): readonly BackendReport[] {
  return own.map((report) =>
    others.reduce<BackendReport>((merged, backends) => {
      const other = backends.find(({ backend }) => backend === report.backend.name);
      return other === undefined ? merged : {
        backend: merged.backend,
        inFlight: merged.inFlight + other.inFlight,
        failures: Math.max(merged.failures, other.failures),
        state: STATES.indexOf(other.state) > STATES.indexOf(merged.state) ? other.state : merged.state,
        forMs: Math.max(merged.forMs, other.forMs),
        isDownByCheck: merged.isDownByCheck || other.isDownByCheck,
      };
    }, report)
  );
}
