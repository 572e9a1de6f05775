import { type Field, field, fieldValue } from "../http1/fields.ts";
import { hopByHopTest } from "./hop_by_hop.ts";

/**
 * The fields a client gets: the provider's in their order without hop-by-hop ones, repeats kept. Two may be added:
 * `x-accel-buffering: no` on event streams, so that an nginx in front does not hold them back, and `x-request-id`
 * where the provider sent none.
 */
export function clientFields(incoming: readonly Field[], requestId: string): Field[] {
  const isHopByHop = hopByHopTest(incoming);
  const fields = incoming.filter(({ lower }) => !isHopByHop(lower));
  const type = fieldValue(fields, "content-type")?.toLowerCase();
  if (
    type?.startsWith("text/event-stream") === true && fieldValue(fields, "x-accel-buffering") === undefined
  ) {
    fields.push(field("x-accel-buffering", "no"));
  }
  if (fieldValue(fields, "x-request-id") === undefined) fields.push(field("x-request-id", requestId));
  return fields;
}
