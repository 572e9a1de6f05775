import type { ProbeResult } from "../../forwarding/probe.ts";

/** The response of a backend to a probe, as the management API and `llm-proxy check --json` show it. */
export function shownProbe(
  { backend, ok, reachable, key, models, latencyMs, detail }: Omit<ProbeResult, "endpoint">,
) {
  return {
    backend,
    ok,
    reachable,
    key,
    models: models ?? null,
    latency_ms: latencyMs === undefined ? null : Math.round(latencyMs),
    detail,
  };
}
