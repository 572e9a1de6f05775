/** Which answers a browser neither runs nor takes for something else when it shows them by themselves. */

import { withoutBlanks } from "../http/blanks.ts";
import type { Field } from "../http/fields.ts";

const TYPE = /^[!#$&\-^_.+a-z0-9]+\/[!#$&\-^_.+a-z0-9]+$/;

/** Data, and media that no script is part of. */
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
 * Whether an answer has exactly one media type, in its strict form, that is inert. Browsers read a field with a comma
 * as several types and take the last, and guess where there is none: neither is inert.
 */
export function isInert(fields: readonly Field[]): boolean {
  const [type, ...others] = fields.filter(({ lower }) => lower === "content-type");
  if (type === undefined || others.length > 0 || type.value.includes(",")) return false;
  const essence = withoutBlanks(type.value.split(";", 1)[0] ?? "").toLowerCase();
  return TYPE.test(essence) && INERT.some((inert) => inert.test(essence));
}
