import type { Token } from "marked";

/** The plain text of a line of Markdown, such as a heading, without the markup. */
export function plainText(tokens: readonly Token[]): string {
  return tokens.map((token) =>
    "tokens" in token && token.tokens !== undefined
      ? plainText(token.tokens)
      : "text" in token
      ? token.text
      : token.raw
  ).join("");
}
