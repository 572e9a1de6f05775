import type { Field } from "../../../src/http/fields.ts";

/** Fields out of lines like `Name: value`. */
export function fieldsOf(...lines: string[]): Field[] {
  return lines.map((line) => {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    return { name, lower: name.toLowerCase(), value: line.slice(colon + 1).trim() };
  });
}

/** Fields as lines, to be compared. */
export function linesOf(fields: readonly Field[]): string[] {
  return fields.map(({ name, value }) => `${name}: ${value}`);
}

/** The fields of a response with this content type and content coding. */
export function contentFields(type: string | undefined, coding?: string): Field[] {
  return fieldsOf(
    ...(type === undefined ? [] : [`Content-Type: ${type}`]),
    ...(coding === undefined ? [] : [`Content-Encoding: ${coding}`]),
  );
}
