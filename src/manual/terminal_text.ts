/** A page of the manual as text for a terminal. */

import { lexer, type Token, type Tokens } from "marked";

/** The widest column before the last one. A table with a wider one becomes a list. In characters. */
const WIDEST_COLUMN = 40;

/** Makes the text of a page. Lines wrap at `width` characters; blocks of code keep their lines. */
export function terminalText(markdown: string, { width }: { readonly width: number }): string {
  return `${blocksText(lexer(markdown), width)}\n`;
}

function blocksText(tokens: readonly Token[], width: number): string {
  return tokens.map((token) => blockText(token, width)).filter((text) => text !== "").join("\n\n");
}

function blockText(token: Token, width: number): string {
  if (isHeading(token)) {
    const text = inlineText(token.tokens);
    return token.depth > 2 ? text : `${text}\n${(token.depth === 1 ? "=" : "-").repeat(text.length)}`;
  }
  if (isCode(token)) return indented(token.text, "    ");
  if (isList(token)) {
    return token.items.map((item, index) => itemText(item, { token, index, width })).join("\n");
  }
  if (isTable(token)) return tableText(token, width);
  if (token.type === "html" || token.type === "space" || token.type === "def" || token.type === "hr") {
    return "";
  }
  return wrapped(inlineText("tokens" in token && token.tokens !== undefined ? token.tokens : [token]), width);
}

function itemText(
  item: Tokens.ListItem,
  { token, index, width }: { token: Tokens.List; index: number; width: number },
): string {
  const mark = token.ordered ? `${Number(token.start) + index}. ` : "- ";
  return mark + indented(blocksText(item.tokens, width - mark.length), " ".repeat(mark.length)).trimStart();
}

/** A table as columns if they fit, else as one paragraph for each row. */
function tableText({ header, rows }: Tokens.Table, width: number): string {
  const all = [header, ...rows].map((row) => row.map(({ tokens }) => inlineText(tokens)));
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const others = widths.slice(0, -1);
  const rest = width - others.reduce((sum, one) => sum + one + 2, 0);
  if (others.some((one) => one > WIDEST_COLUMN) || rest < Math.min(widths.at(-1) ?? 0, width / 3)) {
    return all.slice(1).map(([first = "", ...cells]) =>
      `${wrapped(first, width)}\n${
        indented(wrapped(cells.filter((cell) => cell !== "").join("; "), width - 4), "    ")
      }`
    ).join("\n");
  }
  return all.map((row) => {
    const before = row.slice(0, -1).map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
    const start = before === "" ? "" : `${before}  `;
    return `${start}${indented(wrapped(row.at(-1) ?? "", rest), " ".repeat(start.length)).trimStart()}`
      .trimEnd();
  }).join("\n");
}

function inlineText(tokens: readonly Token[]): string {
  return tokens.map((token) => {
    if (token.type === "codespan") return `\`${token["text"]}\``;
    if (token.type === "br") return "\n";
    if (token.type === "html") return "";
    if (token.type === "image") return `[picture: ${token["text"]}]`;
    const text = "tokens" in token && token.tokens !== undefined
      ? inlineText(token.tokens)
      : "text" in token
      ? token.text
      : token.raw;
    const isElsewhere = token.type === "link" && /^https?:/.test(token["href"]) && token["href"] !== text;
    return isElsewhere ? `${text} <${token["href"]}>` : text;
  }).join("");
}

/** Wraps words at a width. A longer word gets a separate line. */
function wrapped(text: string, width: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}

function indented(text: string, by: string): string {
  return text.split("\n").map((line) => line === "" ? "" : by + line).join("\n");
}

function isHeading(token: Token): token is Tokens.Heading {
  return token.type === "heading";
}

function isCode(token: Token): token is Tokens.Code {
  return token.type === "code";
}

function isList(token: Token): token is Tokens.List {
  return token.type === "list";
}

function isTable(token: Token): token is Tokens.Table {
  return token.type === "table";
}
