import { type Field, fieldValue } from "../../http1/fields.ts";
import { jsonModels } from "./json_model.ts";
import { multipartModels } from "./multipart_model.ts";

/** A model's name where it stands in a body. */
export interface ModelPlace {
  /** From the first byte to be replaced to the one behind the last. */
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** How another name is written in this place. */
  readonly write: (name: string) => string;
}

/** Every place in a JSON or multipart body where a model is named; `fields` are the request's. */
export function modelPlaces(plain: Uint8Array, fields: readonly Field[]): ModelPlace[] {
  const type = fieldValue(fields, "content-type") ?? "";
  return /^multipart\/form-data\b/i.test(type) ? multipartModels(plain, type) : jsonModels(plain);
}
