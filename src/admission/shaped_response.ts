/**
 * Rejects requests under a limit whose client chooses the form of the response. Google's APIs let a client
 * leave members out of a response, such as parts of its usage
 * (https://cloud.google.com/apis/docs/system-parameters).
 */

import { ProxyFault } from "../faults.ts";
import { MAX_PARAMETERS, queryParameters } from "../http/query.ts";
import type { Principal } from "../principal.ts";
import { limitsAmountsOf } from "./read_request.ts";

/** Headers, in lower case, that choose members of the response or its encoding. */
const FIELDS: ReadonlySet<string> = new Set(["x-goog-fieldmask", "x-goog-encode-response-if-executable"]);
/** Parameters of the query, in lower case, that choose members of the response or wrap it in a script. */
const PARAMETERS: ReadonlySet<string> = new Set(["fields", "callback", "jsonp"]);
/** Parameters whose names begin with `$` and that change no member of a response. */
const HARMLESS: ReadonlySet<string> = new Set(["$prettyprint", "$key", "$quotauser", "$.xgafv", "$unique"]);
/** The formats of responses that the proxy reads. `media` is the content of a file. */
const READABLE: ReadonlySet<string> = new Set(["json", "sse"]);
const FILE_FORMAT = "media";

/**
 * Throws `forbidden` for a principal with a budget or a token limit if the head of the request chooses the
 * members or the format of the response. `isFile` means that the request reads the content of a file.
 */
export function checkResponseIsWhole(
  principal: Principal,
  { query, fields, isFile }: {
    /** The raw query of the request, without its `?`. */
    query: string;
    fields: readonly { readonly lower: string }[];
    isFile: boolean;
  },
): void {
  const subject = principal.subjects.find(limitsAmountsOf);
  if (subject === undefined) return;
  const chosen = shapingPart(query, fields, isFile);
  if (chosen === undefined) return;
  throw new ProxyFault(
    "forbidden",
    `This ${subject.what} has a budget or a token limit, and ${chosen} changes the form of the response, so its ` +
      "usage cannot be read. Remove it.",
  );
}

function shapesResponse({ lower }: { readonly lower: string }): boolean {
  return FIELDS.has(lower);
}

/** The part of the head that changes the form of the response, as an error message names it. */
export function shapingPart(
  query: string,
  fields: readonly { readonly lower: string }[],
  isFile: boolean,
): string | undefined {
  const header = fields.find(shapesResponse);
  if (header !== undefined) return `the header ${header.lower}`;
  if (query === "") return undefined;
  // Some servers also separate parameters by a semicolon.
  const parameters = queryParameters(query.replaceAll(";", "&"));
  if (parameters === undefined) return `one of more than ${MAX_PARAMETERS} parameters`;
  for (const [name, value] of parameters) {
    const lower = name.trim().toLowerCase();
    if (lower === "alt" || lower === "$alt") {
      const format = value.trim().toLowerCase();
      if (!READABLE.has(format) && !(isFile && format === FILE_FORMAT)) return `alt=${value}`;
    } else if (PARAMETERS.has(lower) || lower.startsWith("$") && !HARMLESS.has(lower)) {
      return `the parameter ${name}`;
    }
  }
  return undefined;
}
