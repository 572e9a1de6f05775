/** Puts another model's name into a request's body and leaves every other byte as it is. */

import { overridingModel } from "../config/model_override.ts";
import type { ModelOverride } from "../config/schema.ts";
import { concat } from "../http1/bytes.ts";
import type { Payload } from "../payload/read_payload.ts";

/** The bytes of a body with the model that a backend wants in place of the client's. */
export function replaceModel(
  { bytes, places }: Pick<Payload, "bytes" | "places">,
  model: ModelOverride,
): Uint8Array {
  const changes = places.flatMap((place) => {
    const name = overridingModel(model, place.name);
    return name === undefined || name === place.name ? [] : [{ ...place, text: place.write(name) }];
  });
  return changes.length === 0 ? bytes : spliced(bytes, changes);
}

function spliced(
  bytes: Uint8Array,
  changes: readonly { readonly start: number; readonly end: number; readonly text: string }[],
): Uint8Array {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const { start, end, text } of changes) {
    parts.push(bytes.subarray(at, start), encoder.encode(text));
    at = end;
  }
  parts.push(bytes.subarray(at));
  return concat(parts);
}
