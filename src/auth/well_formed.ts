/**
 * The form of credentials on endpoints that pass the client's own on. There the proxy's token must be told from the
 * client's key for sure, so that whatever two readers could take differently is refused.
 */

import type { Field } from "../http/fields.ts";
import { KEY_PARAMETER } from "./credential.ts";

const SCHEME = "[A-Za-z][\\w!#$%&'*+.^`|~-]*";
/** Visible ASCII without quotes and commas, which part lists. */
const WORD = "[\\x21\\x23-\\x26\\x28-\\x2b\\x2d-\\x7e]+";
const PARAMETER =
  `[\\w!#$%&'*+.^\`|~-]+=(?:"[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"|[\\x21\\x23-\\x2b\\x2d-\\x7e]*)`;
/** A scheme, and behind it one word or parameters (RFC 9110, 11.4). */
const AUTHORIZATION = new RegExp(`^${SCHEME} +(?:${WORD}|${PARAMETER}(?:[ \\t]*,[ \\t]*${PARAMETER})*)$`);
const ONE_WORD = new RegExp(`^${WORD}$`);
const BEARER = /^bearer +[\x21-\x7e]+$/i;

/** What each field has to look like, and how that is said. */
const FORMS: ReadonlyMap<string, { readonly form: RegExp; readonly says: string }> = new Map([
  ["authorization", { form: AUTHORIZATION, says: "a scheme and one credential, like Bearer <key>" }],
  ["proxy-authorization", { form: BEARER, says: "Bearer <token of this proxy>" }],
  ["x-api-key", { form: ONE_WORD, says: "one key without spaces, commas and quotes" }],
  ["api-key", { form: ONE_WORD, says: "one key without spaces, commas and quotes" }],
  ["x-goog-api-key", { form: ONE_WORD, says: "one key without spaces, commas and quotes" }],
]);

/** What is wrong with the form of a request's credentials, in a sentence without any of them; undefined: nothing. */
export function malformedCredential(fields: readonly Field[], query: string): string | undefined {
  const seen = new Set<string>();
  for (const { lower, value } of fields) {
    const wanted = FORMS.get(lower);
    if (wanted === undefined) continue;
    if (seen.has(lower) || !wanted.form.test(value)) {
      return `This endpoint passes your own key on, so that each credential has to be clear: ${lower} has to stand once, as ${wanted.says}.`;
    }
    seen.add(lower);
  }
  if (query !== "" && new URLSearchParams(query).getAll(KEY_PARAMETER).length > 1) {
    return `This endpoint passes your own key on, so that each credential has to be clear: ?${KEY_PARAMETER}= has to stand once.`;
  }
  return undefined;
}
