import { type Field, fieldValue } from "../../http1/fields.ts";
import { jsonModels } from "./json_model.ts";
import type { ModelPlace } from "./model_place.ts";
import { multipartModels } from "./multipart_model.ts";

/** Every place in a JSON or multipart body where a model is named; `fields` are the request's. */
export function modelPlaces(plain: Uint8Array, fields: readonly Field[]): ModelPlace[] {
  const type = fieldValue(fields, "content-type") ?? "";
  return /^multipart\/form-data\b/i.test(type) ? multipartModels(plain, type) : jsonModels(plain);
}
