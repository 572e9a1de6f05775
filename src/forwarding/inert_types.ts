/**
 * Responses that a browser does not run, and does not take for another type, when it opens them as a page.
 */

import { withoutBlanks } from "../http/blanks.ts";
import type { Field } from "../http/fields.ts";

const TYPE = /^[!#$&\-^_.+a-z0-9]+\/[!#$&\-^_.+a-z0-9]+$/;

/** Data, and media that cannot contain a script. */
const INERT: readonly RegExp[] = [
  /^application\/(?:[^/]+\+)?json$/,
  /^application\/(?:x-ndjson|jsonl)$/,
  /^text\/event-stream$/,
  /^(?:audio|video|font)\//,
  /^image\/(?!svg\+xml$)/,
  /^application\/(?:pdf|octet-stream|zip)$/,
  /^application\/(?:x-|vnd\.google\.)?protobuf$/,
  /^application\/grpc(?:-web(?:-text)?)?(?:\+proto|\+thrift)?$/,
  /^application\/vnd\.amazon\.eventstream$/,
];

/**
 * Whether a response has exactly one media type, in its strict form, and the type is inert. Browsers split a
 * field at commas and take the last type, and guess where no type is stated. Such responses are not inert.
 */
export function isInert(fields: readonly Field[]): boolean {
  let type: string | undefined;
  for (const { lower, value } of fields) {
    if (lower !== "content-type") continue;
    if (type !== undefined || value.includes(",")) return false;
    type = value;
  }
  return type !== undefined && (type === "application/json" || isInertType(type));
}

function isInertType(type: string): boolean {
  const essence = withoutBlanks(type.split(";", 1)[0] ?? "").toLowerCase();
  return TYPE.test(essence) && INERT.some((inert) => inert.test(essence));
}
