import { type Field, fieldValue } from "../../http1/fields.ts";
import { jsonMembers } from "./json_members.ts";
import { jsonModels } from "./json_model.ts";
import type { ModelPlace } from "./model_place.ts";
import { multipartModels } from "./multipart_model.ts";

/** Every place in a JSON or multipart body where a model is named; `fields` are the request's. */
export function modelPlaces(plain: Uint8Array, fields: readonly Field[]): ModelPlace[] {
  const type = fieldValue(fields, "content-type") ?? "";
  return /^multipart\/form-data\b/i.test(type) ? multipartModels(plain, type) : jsonModels(plain);
}

/**
 * Every model that a body names in whatever way a server may read it: under `model` in any capitals, and in lists of
 * fallbacks. Undefined for a body that is neither JSON nor a form by its type and its bytes.
 */
export function modelNames(plain: Uint8Array, fields: readonly Field[]): string[] | undefined {
  const type = fieldValue(fields, "content-type");
  if (type !== undefined && /^multipart\/form-data\b/i.test(type)) {
    return multipartModels(plain, type).map(({ name }) => name);
  }
  if (type !== undefined && !/^application\/(?:[\w.-]+\+)?json\b/i.test(type)) return undefined;
  const members = jsonMembers(plain);
  return members?.flatMap(({ key, start, end }) => {
    const lower = key.toLowerCase();
    if (lower !== "model" && lower !== "models") return [];
    const value: unknown = parsed(plain.subarray(start, end));
    return (Array.isArray(value) ? value : [value]).map((name) => typeof name === "string" ? name : "");
  });
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
