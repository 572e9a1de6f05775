/** Puts another model's name into a request's body and leaves every other byte as it is. */

import { overridingModel } from "../config/model_override.ts";
import type { ModelOverride } from "../config/config.ts";
import type { Change } from "../streams/held_body.ts";
import type { Payload } from "../payload/read_payload.ts";

/** The changes of a body that put the model which a backend wants in place of the client's. */
export function modelChanges({ places }: Pick<Payload, "places">, model: ModelOverride): Change[] {
  const encoder = new TextEncoder();
  return places.flatMap(({ start, end, name, write }) => {
    const wanted = overridingModel(model, name);
    return wanted === undefined || wanted === name
      ? []
      : [{ start, end, bytes: encoder.encode(write(wanted)) }];
  });
}
