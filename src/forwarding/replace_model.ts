/** Replaces the model in the body of a request. Every other byte stays as it is. */

import { overridingModel } from "../config/model_override.ts";
import type { ModelOverride } from "../config/config.ts";
import type { Change } from "../streams/held_body.ts";
import type { Payload } from "../payload/read_payload.ts";

/**
 * The changes of a body that replace the client's model: by an alias, or by the model override of a backend.
 */
export function modelChanges(
  { places }: Pick<Payload, "places">,
  model: ModelOverride | undefined,
): Change[] {
  const encoder = new TextEncoder();
  return places.flatMap(({ start, end, name, written = name, write }) => {
    const wanted = overridingModel(model, name) ?? name;
    return wanted === written ? [] : [{ start, end, bytes: encoder.encode(write(wanted)) }];
  });
}
