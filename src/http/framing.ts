import { type Field, isFramingField } from "./fields.ts";
import { HttpSyntaxError } from "./syntax_error.ts";

/**
 * How a reader finds the end of a body. `absent` means that the head states nothing. A request then has no
 * body, and the end of the connection ends the body of a response.
 */
export type Framing =
  | { readonly kind: "counted"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "absent" };

/**
 * Removes the framing fields of a message from its list of fields, and returns the framing. Throws an
 * {@link HttpSyntaxError} for framing that two readers could understand differently (RFC 9112, 6.3). Such
 * framing has both fields, a repeated length, a length that is not a plain number, or a coding other than
 * `chunked`.
 */
export function takeFraming(fields: Field[]): Framing {
  const framing = framingOf(fields);
  if (framing.kind === "absent") return framing;
  // The list is changed in place, because a second list for each head would be garbage immediately.
  let kept = 0;
  for (const one of fields) if (!isFramingField(one.lower)) fields[kept++] = one;
  fields.length = kept;
  return framing;
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
  // A number of fifteen digits is below 2^53, and much larger than the length of any body.
  if (!/^\d{1,15}$/.test(length)) throw new HttpSyntaxError("a content-length that is not a plain number");
  return { kind: "counted", length: Number(length) };
}
