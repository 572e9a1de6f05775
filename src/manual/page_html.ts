/** A page of the manual as HTML, for `/admin/docs`. */

import { Marked, type Tokens } from "marked";
import { plainText } from "./plain_text.ts";
import { slugOf } from "./slug.ts";
import { TOPICS } from "./pages.ts";

/** The place of a page among the other pages. */
export interface HtmlOptions {
  /** The path of the pages and of their style sheet, without a slash at the end. */
  readonly path: string;
  /** The topic of the page. `undefined` for the list of pages. */
  readonly current: string | undefined;
}

/**
 * Makes an HTML document from Markdown. It has no script and no inline style, for a strict content security
 * policy.
 */
export function pageHtml(markdown: string, { path, current }: HtmlOptions): string {
  const links = TOPICS.map(({ name }) =>
    `<a href="${path}/${name}"${name === current ? ' aria-current="page"' : ""}>${title(name)}</a>`
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${current === undefined ? "Help" : title(current)} – llm-proxy</title>
<link rel="icon" href="${path}/icon.svg">
<link rel="stylesheet" href="${path}/style.css">
</head>
<body>
<nav aria-label="Pages of the manual"><a href="${path}">Help</a> ${links.join(" ")}</nav>
<main>
${rendererFor(path).parse(markdown, { async: false })}</main>
</body>
</html>
`;
}

/** Makes the list of all pages, in Markdown. */
export function listOfPages(): string {
  return `# Help\n\n${
    TOPICS.map(({ name, summary }) => `- [${title(name)}](${name}.md): ${summary}`).join("\n")
  }\n`;
}

function title(name: string): string {
  return name === "https" ? "HTTPS" : name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");
}

function rendererFor(path: string): Marked {
  return new Marked({
    renderer: {
      heading({ tokens, depth }: Tokens.Heading) {
        const id = escaped(slugOf(plainText(tokens)));
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      // The tabindex lets the keyboard scroll a wide block.
      code({ text }: Tokens.Code) {
        return `<pre tabindex="0"><code>${escaped(text)}</code></pre>\n`;
      },
      link({ href, tokens }: Tokens.Link) {
        const text = this.parser.parseInline(tokens);
        const target = targetOf(href, path);
        return target === undefined ? text : `<a href="${escaped(target)}">${text}</a>`;
      },
      // The program does not contain the pictures, and HTML comments are instructions for the tests.
      image: ({ text }: Tokens.Image) => `<em>[picture: ${escaped(text)}]</em>`,
      html: () => "",
    },
  });
}

/** The target of a link. `undefined` if the program does not contain the linked file. */
function targetOf(href: string, path: string): string | undefined {
  if (/^(?:https?:|#)/.test(href)) return href;
  const [, name, anchor = ""] = /^([\w-]+)\.md(#.*)?$/.exec(href) ?? [];
  return TOPICS.some((topic) => topic.name === name) ? `${path}/${name}${anchor}` : undefined;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll(
    '"',
    "&quot;",
  );
}
