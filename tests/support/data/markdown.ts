/** What tests look for in a page: blocks of code, headings and links. */

import { lexer, type Token, type Tokens, walkTokens } from "marked";
import { plainText } from "../../../src/manual/plain_text.ts";
import { slugOf } from "../../../src/manual/slug.ts";

/** A fenced block of code, or a comment `<!-- sh run … -->` that prepares for the blocks behind it. */
export interface CodeBlock {
  /** What follows the fence, like `sh run`. */
  readonly info: string;
  readonly text: string;
  /** Where it begins in the file, from 1. */
  readonly line: number;
}

/** One page, taken apart. */
export interface MarkdownPage {
  readonly blocks: readonly CodeBlock[];
  readonly anchors: ReadonlySet<string>;
  /** Targets of links and pictures, as they are written. */
  readonly targets: readonly string[];
}

/** Takes a page apart. */
export function parseMarkdown(text: string): MarkdownPage {
  const blocks: CodeBlock[] = [];
  const anchors = new Set<string>();
  const targets: string[] = [];
  const tokens = lexer(text);
  walkTokens(tokens, (token) => {
    if (isHeading(token)) anchors.add(slugOf(plainText(token.tokens)));
    if (token.type === "link" || token.type === "image") targets.push(token["href"]);
  });
  let line = 1;
  for (const token of tokens) {
    if (isCode(token)) blocks.push({ info: token.lang ?? "", text: token.text, line });
    const [, info, hidden] = /^<!-- (sh \w+)\n([^]*?)\n-->/.exec(token.raw) ?? [];
    if (info !== undefined && hidden !== undefined) blocks.push({ info, text: hidden, line });
    line += token.raw.split("\n").length - 1;
  }
  return { blocks, anchors, targets };
}

function isHeading(token: Token): token is Tokens.Heading {
  return token.type === "heading";
}

function isCode(token: Token): token is Tokens.Code {
  return token.type === "code";
}
