/** Header fields as they stand in a message: in order, with repeats, spelled as they came. */

/** One header field. */
export interface Field {
  readonly name: string;
  /** The name in lower case, by which it is found. */
  readonly lower: string;
  readonly value: string;
}

/**
 * The fields that say how long a body is. They belong to one connection: the reader of heads takes them out
 * of a message's fields, and only the writer of heads puts them in.
 */
export type FramingFieldName = "content-length" | "transfer-encoding";

/** Whether a field, named in lower case, says how long a body is. */
export function isFramingField(lower: string): lower is FramingFieldName {
  return lower === "content-length" || lower === "transfer-encoding";
}

/** A field that the proxy adds; the name is given in lower case. A framing field does not compile. */
export function field<Name extends string>(
  lower: Name extends FramingFieldName ? never : Name,
  value: string,
): Field {
  return { name: lower, lower, value };
}

/** The value of a field, repeats joined with a comma (RFC 9110, 5.3); undefined where there is none. */
export function fieldValue(fields: readonly Field[], lower: string): string | undefined {
  let joined: string | undefined;
  for (const one of fields) {
    if (one.lower === lower) joined = joined === undefined ? one.value : `${joined}, ${one.value}`;
  }
  return joined;
}

/** Whether a comma-separated list, such as `connection`, names a token. */
export function listHas(value: string | undefined, token: string): boolean {
  return value !== undefined && value.toLowerCase().split(",").some((item) => item.trim() === token);
}
