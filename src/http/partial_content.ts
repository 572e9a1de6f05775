import { type Field, fieldValue } from "./fields.ts";

const PARTIAL_CONTENT = 206;
/** A range of bytes that begins with the first byte (RFC 9110, 14.4). */
const RANGE = /^bytes 0-(\d{1,15})\/(\d{1,15})$/i;

/**
 * Whether a response has only a part of the resource at its URL. A 206 whose range covers all bytes is not a
 * part. A 206 without a range, or with several ranges, counts as a part.
 */
export function isPartialContent(status: number, fields: readonly Field[]): boolean {
  const range = fieldValue(fields, "content-range");
  if (range === undefined) return status === PARTIAL_CONTENT;
  const [, last = "", total = ""] = RANGE.exec(range.trim()) ?? [];
  return total === "" || Number(last) + 1 !== Number(total);
}
