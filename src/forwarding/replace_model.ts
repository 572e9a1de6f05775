/** Replaces the model in the body of a request. Every other byte stays as it is. */

import { overridingModel } from "../config/model_override.ts";
import type { ModelOverride } from "../config/config.ts";
import type { Change } from "../streams/held_body.ts";
import type { Payload } from "../payload/read_payload.ts";

/** The changes of a body that replace the client's model by the model override of a backend. */
export function modelChanges({ places }: Pick<Payload, "places">, model: ModelOverride): Change[] {
  const encoder = new TextEncoder();
  return places.flatMap(({ start, end, name, write }) => {
    const wanted = overridingModel(model, name);
    return wanted === undefined || wanted === name
      ? []
      : [{ start, end, bytes: encoder.encode(write(wanted)) }];
  });
}
