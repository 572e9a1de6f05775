import { hopByHopTest } from "./hop_by_hop.ts";
import type { HeaderPair } from "./transport/transport.ts";

/**
 * The headers a client gets: the provider's without hop-by-hop ones, repeats kept. Two may be added:
 * `x-accel-buffering: no` on event streams, so that an nginx in front does not hold them back, and
 * `x-request-id` where the provider sent none.
 */
export function clientHeaders(incoming: readonly HeaderPair[], requestId: string): Headers {
  const isHopByHop = hopByHopTest(
    incoming.filter(([name]) => name === "connection").map(([, value]) => value).join(",") || null,
  );
  const headers = new Headers();
  for (const [name, value] of incoming) {
    if (!isHopByHop(name)) headers.append(name, value);
  }
  if (isEventStream(headers) && !headers.has("x-accel-buffering")) headers.set("x-accel-buffering", "no");
  if (!headers.has("x-request-id")) headers.set("x-request-id", requestId);
  return headers;
}

function isEventStream(headers: Headers): boolean {
  return headers.get("content-type")?.toLowerCase().startsWith("text/event-stream") === true;
}
