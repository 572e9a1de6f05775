/** `/metrics`, which Prometheus reads. */

import { field, fieldValue } from "../../http/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../../http/message.ts";
import type { BearerGate } from "./bearer_gate.ts";
import type { Caller } from "./caller.ts";
import type { Metrics } from "../../observability/metrics.ts";

/** Where it is. */
export const METRICS_PATH = "/metrics";

/** With a gate the request has to pass it: throws its `Problem`. */
export async function answerMetrics(
  metrics: Metrics,
  { request: { method, fields }, caller, gate }: {
    request: IncomingRequest;
    caller: Caller;
    gate: BearerGate | undefined;
  },
): Promise<OutgoingReply> {
  gate?.check(fieldValue(fields, "authorization"), caller);
  const reply = (
    status: number,
    reason: string,
    { type, text }: { type: string; text: string },
  ): OutgoingReply => ({
    status,
    reason,
    fields: [field("content-type", type), field("cache-control", "no-store")],
    body: new TextEncoder().encode(text),
  });
  if (method !== "GET" && method !== "HEAD") {
    return reply(405, "Method Not Allowed", { type: "text/plain; charset=utf-8", text: "Only GET.\n" });
  }
  return reply(200, "OK", await metrics.text());
}
