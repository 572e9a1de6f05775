/**
 * The syntax of credentials on passthrough endpoints. There the proxy must distinguish its own token from the
 * client's key with certainty. It rejects credentials that two parsers could read differently.
 */

import type { Field } from "../http/fields.ts";
import { KEY_PARAMETER } from "./credential.ts";

const SCHEME = "[A-Za-z][\\w!#$%&'*+.^`|~-]*";
/** Visible ASCII without quotes and commas. A comma separates the items of a list. */
const WORD = "[\\x21\\x23-\\x26\\x28-\\x2b\\x2d-\\x7e]+";
const PARAMETER =
  `[\\w!#$%&'*+.^\`|~-]+=(?:"[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"|[\\x21\\x23-\\x2b\\x2d-\\x7e]*)`;
/** A scheme, then one word or a list of parameters (RFC 9110, 11.4). */
const AUTHORIZATION = new RegExp(`^${SCHEME} +(?:${WORD}|${PARAMETER}(?:[ \\t]*,[ \\t]*${PARAMETER})*)$`);
const ONE_WORD = new RegExp(`^${WORD}$`);
const BEARER = /^bearer +[\x21-\x7e]+$/i;

/** The syntax of each header, and its description for error messages. */
const FORMS: ReadonlyMap<string, { readonly form: RegExp; readonly description: string }> = new Map([
  ["authorization", { form: AUTHORIZATION, description: "a scheme and one credential, like Bearer <key>" }],
  ["proxy-authorization", { form: BEARER, description: "Bearer <token of this proxy>" }],
  ["x-api-key", { form: ONE_WORD, description: "one key without spaces, commas and quotes" }],
  ["api-key", { form: ONE_WORD, description: "one key without spaces, commas and quotes" }],
  ["x-goog-api-key", { form: ONE_WORD, description: "one key without spaces, commas and quotes" }],
]);

const AMBIGUOUS = "This endpoint forwards your own key and rejects ambiguous credentials";

/**
 * Describes what is wrong with the syntax of a request's credentials, without quoting them. Returns undefined
 * if the syntax is right.
 */
export function malformedCredential(fields: readonly Field[], query: string): string | undefined {
  const seen = new Set<string>();
  for (const { lower, value } of fields) {
    const wanted = FORMS.get(lower);
    if (wanted === undefined) continue;
    if (seen.has(lower) || !wanted.form.test(value)) {
      return `${AMBIGUOUS}: send ${lower} once, as ${wanted.description}.`;
    }
    seen.add(lower);
  }
  if (query !== "" && new URLSearchParams(query).getAll(KEY_PARAMETER).length > 1) {
    return `${AMBIGUOUS}: send ?${KEY_PARAMETER}= once.`;
  }
  return undefined;
}
