/** Puts another model's name into a request's body and leaves every other byte as it is. */

import type { ModelOverride } from "../../config/schema.ts";
import { concat } from "../../http1/bytes.ts";
import type { Field } from "../../http1/fields.ts";
import { plainBody } from "./decode_body.ts";
import { modelPlaces } from "./model_places.ts";

/** A body with another model. */
export interface ReplacedBody {
  readonly bytes: Uint8Array;
  /** It came compressed and is not any more. */
  readonly decoded: boolean;
}

/**
 * Replaces the model in a JSON or multipart body; undefined where there is nothing to replace.
 * Throws a `ProxyFault` for a compressed body that cannot be read.
 */
export async function replaceModel(
  body: Uint8Array,
  { fields, model, maxBytes }: { fields: readonly Field[]; model: ModelOverride; maxBytes: number },
): Promise<ReplacedBody | undefined> {
  const { plain, decoded } = await plainBody(body, { fields, maxBytes });
  const places = modelPlaces(plain, fields);
  const changes = places.flatMap((place) => {
    const name = model.byName.get(place.name) ?? model.otherwise;
    return name === undefined || name === place.name ? [] : [{ ...place, text: place.write(name) }];
  });
  if (changes.length === 0) return undefined;
  return { bytes: spliced(plain, changes), decoded };
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
