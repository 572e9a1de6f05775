import { type Field, isFramingField } from "./fields.ts";
import { HttpSyntaxError } from "./syntax_error.ts";

/** How the end of a body is found; `absent` says nothing, which means none for a request and the close for an answer. */
export type Framing =
  | { readonly kind: "counted"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "absent" };

/** A message's fields without those that frame it, and what those said. */
export interface SeparatedFraming {
  readonly fields: Field[];
  readonly framing: Framing;
}

/**
 * Takes a message's framing out of its fields. Anything that two readers could understand differently is rejected
 * (RFC 9112, 6.3): both fields, a repeated length, a length that is not a plain number, a coding other than
 * `chunked`. Throws an {@link HttpSyntaxError}.
 */
export function separateFraming(fields: Field[]): SeparatedFraming {
  const framing = framingOf(fields);
  return framing.kind === "absent"
    ? { fields, framing }
    : { fields: fields.filter(({ lower }) => !isFramingField(lower)), framing };
}

function framingOf(fields: readonly Field[]): Framing {
  let length: string | undefined;
  let coding: string | undefined;
  for (const { lower, value } of fields) {
    if (lower === "content-length") {
      if (length !== undefined) throw new HttpSyntaxError("a repeated content-length");
      length = value;
    } else if (lower === "transfer-encoding") {
      if (coding !== undefined) throw new HttpSyntaxError("a repeated transfer-encoding");
      coding = value;
    }
  }
  if (coding !== undefined) {
    if (length !== undefined) throw new HttpSyntaxError("both content-length and transfer-encoding");
    if (coding.toLowerCase() !== "chunked") {
      throw new HttpSyntaxError("a transfer-encoding other than chunked");
    }
    return { kind: "chunked" };
  }
  if (length === undefined) return { kind: "absent" };
  // Fifteen digits are below 2^53, and far beyond every body.
  if (!/^\d{1,15}$/.test(length)) throw new HttpSyntaxError("a content-length that is not a plain number");
  return { kind: "counted", length: Number(length) };
}
