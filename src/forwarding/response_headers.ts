import { type Field, field, fieldValue } from "../http1/fields.ts";
import { hopByHopTest } from "./hop_by_hop.ts";

/** Which web pages may read an answer is the provider's to say only of its own customers. */
const SHARES_WITH_PAGES: ReadonlySet<string> = new Set([
  "access-control-allow-origin",
  "access-control-allow-credentials",
]);

/** What matters of the backend that answered. */
export interface AnsweringBackend {
  /** The proxy's key was used: a provider that lets every page read answers would share it. */
  readonly hasProxysKey: boolean;
  /** Told to the client. */
  readonly exposedName: string | undefined;
}

/**
 * The fields a client gets: the provider's in their order without hop-by-hop ones, repeats kept. Two may be added:
 * `x-accel-buffering: no` on event streams, so that an nginx in front does not hold them back, and `x-request-id`
 * where the provider sent none. `x-llm-proxy-backend` is added where that was asked for.
 */
export function clientFields(
  incoming: readonly Field[],
  { requestId, backend }: { requestId: string; backend: AnsweringBackend },
): Field[] {
  const isHopByHop = hopByHopTest(incoming);
  const fields = incoming.filter(({ lower }) =>
    !isHopByHop(lower) && !(backend.hasProxysKey && SHARES_WITH_PAGES.has(lower))
  );
  const type = fieldValue(fields, "content-type")?.toLowerCase();
  if (
    type?.startsWith("text/event-stream") === true && fieldValue(fields, "x-accel-buffering") === undefined
  ) {
    fields.push(field("x-accel-buffering", "no"));
  }
  if (fieldValue(fields, "x-request-id") === undefined) fields.push(field("x-request-id", requestId));
  if (backend.exposedName !== undefined) fields.push(field("x-llm-proxy-backend", backend.exposedName));
  return fields;
}
