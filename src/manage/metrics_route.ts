/** `/metrics`, which Prometheus reads. */

import { isEqual } from "../auth/shared_token.ts";
import { hashOf } from "../auth/token_value.ts";
import { field, fieldValue } from "../http1/fields.ts";
import type { IncomingRequest, OutgoingReply } from "../http1/message.ts";
import type { Metrics } from "../observability/metrics.ts";

/** Where it is. */
export const METRICS_PATH = "/metrics";

/** With a token the request has to bear it. */
export async function answerMetrics(
  metrics: Metrics,
  { method, fields }: IncomingRequest,
  token: string | undefined,
): Promise<OutgoingReply> {
  const [, presented = ""] = /^bearer +(\S+)$/i.exec(fieldValue(fields, "authorization") ?? "") ?? [];
  const plain = field("content-type", "text/plain; charset=utf-8");
  const reply = (status: number, reason: string, text: string, more = plain): OutgoingReply => ({
    status,
    reason,
    fields: [more, field("cache-control", "no-store")],
    body: new TextEncoder().encode(text),
  });
  if (token !== undefined && !isEqual(hashOf(presented), hashOf(token))) {
    return {
      ...reply(401, "Unauthorized", "Metrics need the management token, unless METRICS_PUBLIC=1.\n"),
      fields: [plain, field("www-authenticate", 'Bearer realm="llm-proxy metrics"')],
    };
  }
  if (method !== "GET" && method !== "HEAD") return reply(405, "Method Not Allowed", "Only GET.\n");
  const { type, text } = await metrics.text();
  return reply(200, "OK", text, field("content-type", type));
}
