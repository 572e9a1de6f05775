import type { Field } from "./fields.ts";
import { HttpSyntaxError } from "./syntax_error.ts";

/** How the end of a body is found; `absent` says nothing, which means none for a request and the close for an answer. */
export type Framing =
  | { readonly kind: "counted"; readonly length: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "absent" };

/**
 * Reads a message's framing. Whatever two readers could take differently is refused (RFC 9112, 6.3): both fields,
 * a length that is repeated or no plain number, a coding other than `chunked`.
 */
export function framingOf(fields: readonly Field[]): Framing {
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
  if (!/^\d{1,15}$/.test(length)) throw new HttpSyntaxError("a content-length that is no number");
  return { kind: "counted", length: Number(length) };
}
