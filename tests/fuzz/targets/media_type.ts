/** The strict reader of media types against the WHATWG's reading of them. */

import { MIMEType } from "node:util";
import { isJson, parseMediaType } from "../../../src/payload/media_type.ts";
import { type FuzzTarget, holds, latin1Text, same, utf8 } from "../target.ts";

function check(input: Uint8Array): string {
  const text = latin1Text(input);
  const type = parseMediaType(text);
  if (type === undefined) return "refused";
  holds(text.length <= 1_000, "a type of bounded length");
  const other = new MIMEType(text);
  same(type.essence, other.essence, "essence");
  for (const [name, value] of type.parameters) {
    holds(name === name.toLowerCase(), "names in small letters");
    // An empty value is none there.
    if (value !== "") same(value, other.params.get(name), "a parameter");
  }
  same([...type.parameters.keys()], [...new Set(type.parameters.keys())], "each parameter once");
  return `${isJson(type)} ${Math.min(type.parameters.size, 3)}`;
}

/** Values of `content-type`. */
export const target: FuzzTarget = {
  name: "media_type",
  seeds: [
    "application/json",
    'application/json; charset="utf-8"',
    "multipart/form-data; boundary=----WebKitFormBoundary",
    "application/vnd.api+json ;charset=utf-8 ; q=1;",
    'multipart/form-data;boundary="a b;c=d"',
  ].map(utf8),
  words: [
    ...'; ="/,\\\t+',
    "charset=",
    "boundary=",
    '""',
    '"a;b"',
    "; a=b",
    "application/",
    "json",
    "*",
    "'",
  ],
  check,
  read: (input) => parseMediaType(latin1Text(input)),
};
