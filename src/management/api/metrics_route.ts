/** The route `/metrics` for Prometheus. */

import { field, fieldValue } from "../../http/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../../http/message.ts";
import { reasonPhrase } from "../../http/reason_phrases.ts";
import { scopeOf } from "../../people/actor.ts";
import { SURFACES } from "./access.ts";
import type { BearerGate } from "./bearer_gate.ts";
import type { Caller } from "./caller.ts";
import type { RunningProxy } from "./parts.ts";
import { Problem } from "./problem.ts";
import type { Metrics } from "../../observability/metrics.ts";

/** How old a public response may be, in milliseconds. */
const MAX_PUBLIC_AGE_MS = 1_000;

/** The path of the metrics. */
export const METRICS_PATH = "/metrics";

/**
 * Responds with the metrics. With a `gate` the request needs a token for the management API, of a role that
 * reaches all projects. Throws a {@link Problem}.
 */
export async function answerMetrics(
  metrics: Metrics,
  { request: { method, fields }, caller, gate, refreshed = () => Promise.resolve() }: {
    request: IncomingRequest;
    caller: Caller;
    gate: BearerGate | undefined;
    /** Reads what the serving threads know. */
    refreshed?: RunningProxy["refreshed"] | undefined;
  },
): Promise<OutgoingReply> {
  if (gate !== undefined) {
    const { actor } = await gate.check(fieldValue(fields, "authorization"), caller);
    if (scopeOf(actor, SURFACES["/metrics"])?.kind !== "all") {
      throw new Problem(403, `Your role, ${actor.role}, does not allow this: metrics are of all projects.`);
    }
  }
  const reply = (status: number, { type, text }: { type: string; text: string }): OutgoingReply => ({
    status,
    reason: reasonPhrase(status),
    fields: [field("content-type", type), field("cache-control", "no-store")],
    body: new TextEncoder().encode(text),
  });
  if (method !== "GET" && method !== "HEAD") {
    return reply(405, { type: "text/plain; charset=utf-8", text: "Only GET and HEAD are allowed.\n" });
  }
  await refreshed(gate === undefined ? { maxAgeMs: MAX_PUBLIC_AGE_MS } : undefined);
  return reply(200, await metrics.text());
}
