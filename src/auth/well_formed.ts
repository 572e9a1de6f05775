/**
 * The syntax of credentials on passthrough endpoints. There the proxy must distinguish its own token from the
 * client's key with certainty. It rejects credentials that two parsers could read differently.
 */

import type { Field } from "../http/fields.ts";
import { valuesOfParameter } from "../http/query.ts";
import { type CredentialHeader, credentialHeader, KEY_PARAMETER } from "../config/credential_places.ts";

const SCHEME = "[A-Za-z][\\w!#$%&'*+.^`|~-]*";
/** Visible ASCII without quotes and commas. A comma separates the items of a list. */
const WORD = "[\\x21\\x23-\\x26\\x28-\\x2b\\x2d-\\x7e]+";
const PARAMETER =
  `[\\w!#$%&'*+.^\`|~-]+=(?:"[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*"|[\\x21\\x23-\\x2b\\x2d-\\x7e]*)`;
/** A scheme, then one word or a list of parameters (RFC 9110, 11.4). */
const AUTHORIZATION = new RegExp(`^${SCHEME} +(?:${WORD}|${PARAMETER}(?:[ \\t]*,[ \\t]*${PARAMETER})*)$`);
const ONE_WORD = new RegExp(`^${WORD}$`);

/** The syntax of a header, and its description for error messages. */
interface Syntax {
  readonly pattern: RegExp;
  readonly description: string;
}

/**
 * The syntax of a credential for the provider, and of a token of the proxy, which can hold commas and quotes.
 */
const SYNTAX: Readonly<Record<CredentialHeader["of"], Readonly<Record<CredentialHeader["form"], Syntax>>>> = {
  provider: {
    bearer: { pattern: AUTHORIZATION, description: "a scheme and one credential, like Bearer <key>" },
    word: { pattern: ONE_WORD, description: "one key without spaces, commas and quotes" },
  },
  proxy: {
    bearer: { pattern: /^bearer +[\x21-\x7e]+$/i, description: "Bearer <token of this proxy>" },
    word: { pattern: /^[\x21-\x7e]+$/, description: "the token of this proxy without a scheme" },
  },
};

const AMBIGUOUS = "This endpoint forwards your own key and rejects ambiguous credentials";

/**
 * Describes what is wrong with the syntax of a request's credentials, without quoting them. Returns undefined
 * if the syntax is right.
 */
export function malformedCredential(fields: readonly Field[], query: string): string | undefined {
  const seen = new Set<string>();
  for (const { lower, value } of fields) {
    const header = credentialHeader(lower);
    if (header === undefined) continue;
    const { pattern, description } = SYNTAX[header.of][header.form];
    if (seen.has(lower) || !pattern.test(value)) {
      return `${AMBIGUOUS}: send ${lower} once, as ${description}.`;
    }
    seen.add(lower);
  }
  if (query !== "" && valuesOfParameter(query, KEY_PARAMETER, 2).length > 1) {
    return `${AMBIGUOUS}: send ?${KEY_PARAMETER}= once.`;
  }
  return undefined;
}
