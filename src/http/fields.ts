/** The header fields of a message. They keep their order, their repeats, and the spelling of the sender. */

/** One header field of a message. */
export interface Field {
  readonly name: string;
  /** The name in lower case, for comparisons. */
  readonly lower: string;
  readonly value: string;
}

/**
 * The fields that state the length of a body. They belong to one connection: the reader of heads removes them
 * from the fields of a message, and only the writer of heads adds them.
 */
export type FramingFieldName = "content-length" | "transfer-encoding";

/** Whether a field states the length of a body. `lower` is the name in lower case. */
export function isFramingField(lower: string): lower is FramingFieldName {
  return lower === "content-length" || lower === "transfer-encoding";
}

/** Makes a field that the proxy adds. `lower` is the name in lower case. A framing field is a type error. */
export function field<Name extends string>(
  lower: Name extends FramingFieldName ? never : Name,
  value: string,
): Field {
  return { name: lower, lower, value };
}

/**
 * Returns the value of a field. Repeats are joined by a comma (RFC 9110, 5.3). `undefined` if the message has
 * no such field.
 */
export function fieldValue(fields: readonly Field[], lower: string): string | undefined {
  let joined: string | undefined;
  for (const one of fields) {
    if (one.lower === lower) joined = joined === undefined ? one.value : `${joined}, ${one.value}`;
  }
  return joined;
}

/** Whether a comma-separated list, such as the value of `connection`, contains a token. */
export function listHas(value: string | undefined, token: string): boolean {
  return value !== undefined && value.toLowerCase().split(",").some((item) => item.trim() === token);
}
