import type { Token } from "marked";

/** The text of a line of Markdown without its marks: of a heading, say. */
export function plainText(tokens: readonly Token[]): string {
  return tokens.map((token) =>
    "tokens" in token && token.tokens !== undefined
      ? plainText(token.tokens)
      : "text" in token
      ? token.text
      : token.raw
  ).join("");
}
