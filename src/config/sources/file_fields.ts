/** The kinds of values in a configuration file, from which `file_schema.ts` makes its tables. */

import * as v from "valibot";
import { closestName } from "../values/suggest.ts";
import { switchSchema, type ValueSchema } from "../values/values.ts";

/**
 * The message for a value of the wrong type. It leaves out the value, which may be a secret in the wrong
 * place.
 */
export const wrongKind = (wanted: string) => ({ input }: { readonly input: unknown }): string =>
  input === undefined ? "is missing" : `must be ${wanted}, not ${kindOf(input)}`;

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (value === null) return "null";
  return typeof value === "object" ? "a table" : `a ${typeof value}`;
}

/** A string. Its schema is the one of the same setting in the environment. */
export function text<Output>(schema: ValueSchema<Output>, description: string) {
  return v.optional(v.pipe(v.string(wrongKind("a string")), v.description(description), schema));
}

/** One of a few words. The message for another word suggests the closest one. */
export function word<const Word extends string>(words: readonly Word[], description: string) {
  const message = ({ input }: { readonly input: unknown }): string => {
    if (typeof input !== "string") return wrongKind("a string")({ input });
    const near = closestName(input, words);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return `${JSON.stringify(input)} is not one of ${words.join(", ")}${hint}`;
  };
  return v.optional(v.pipe(v.picklist(words, message), v.description(description)));
}

/** A number, or a string with one: the value of `${NAME}` is always a string. */
export function number<Output>(schema: ValueSchema<Output>, description: string) {
  return v.optional(v.pipe(
    v.union([v.number(), v.string()], wrongKind("a number")),
    v.description(description),
    v.transform(String),
    schema,
  ));
}

/** A boolean, or a string with one: the value of `${NAME}` is always a string. */
export function toggle(description: string) {
  return v.optional(v.pipe(
    v.union([v.boolean(), v.string()], wrongKind("true or false")),
    v.description(description),
    v.transform(String),
    switchSchema,
  ));
}

/** A list of strings or numbers, each checked by the schema of an item. */
export function list<Output>(item: ValueSchema<Output>, description: string) {
  const element = v.pipe(
    v.union([v.string(), v.number()], wrongKind("a string or a number")),
    v.transform(String),
    item,
  );
  return v.optional(v.pipe(v.array(element, wrongKind("a list")), v.description(description)));
}

/** A table of strings, with a schema for its keys and one for its values. */
export function texts<Output>(key: ValueSchema<string>, value: ValueSchema<Output>, description: string) {
  const entry = v.pipe(v.string(wrongKind("a string")), value);
  return v.optional(v.pipe(v.record(key, entry, wrongKind("a table")), v.description(description)));
}
