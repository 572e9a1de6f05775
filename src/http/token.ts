/**
 * Tokens, the words of HTTP: methods, names of header fields, and unquoted values of parameters (RFC 9110,
 * 5.6.2).
 */

/** The source of a regular expression that matches one token. */
export const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";

const WHOLE = new RegExp(`^${TOKEN}$`);

/** Whether a text is one token and nothing else. */
export function isToken(text: string): boolean {
  return WHOLE.test(text);
}
