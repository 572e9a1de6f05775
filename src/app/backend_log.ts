import type { Endpoint } from "../config/config.ts";
import type { HealthEvent } from "../forwarding/lease.ts";
import type { Log } from "../observability/log.ts";
import { holderName } from "../principal.ts";
import { harmlessText } from "../text/harmless_text.ts";

/** How much of the name of a model the log shows, in characters. */
const MAX_MODEL = 100;

/** Logs a change of a backend: it began to fail, recovered, asked for a pause, or is being woken. */
export function logHealth(
  log: Log,
  { name: endpoint }: Pick<Endpoint, "name">,
  { kind, backend, holder, model, failures, reason, forMs }: HealthEvent,
): void {
  const skipped = forMs === 0 ? "" : `; the proxy skips it for ${Math.ceil(forMs / 1000)} s`;
  const principal = holder && holderName(holder);
  const fields = { endpoint, backend: backend.name, principal };
  switch (kind) {
    case "failing":
      return log("warn", "backend_failing", {
        ...fields,
        detail: reason === undefined
          ? `${failures} failures in a row${skipped}`
          : `a check failed: ${reason}; the proxy skips it until a check succeeds`,
      });
    case "rate_limited":
      return log("warn", "backend_rate_limited", {
        ...fields,
        detail: `the backend asked for a pause${
          model === undefined ? "" : ` for the model ${harmlessText(model, MAX_MODEL)}`
        }${skipped}`,
      });
    case "waking":
      return log(reason === undefined ? "info" : "warn", "backend_waking", {
        ...fields,
        detail: reason === undefined
          ? "the proxy sent a packet of Wake-on-LAN"
          : `the packet of Wake-on-LAN was not sent: ${reason}`,
      });
    case "recovered":
      return log("info", "backend_recovered", fields);
    default:
      kind satisfies never;
  }
}
