/** The manual: how a page is found, and what it looks like on a terminal and in a browser. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pageHtml } from "../../src/manual/page_html.ts";
import { findTopic, readPage, TOPICS } from "../../src/manual/pages.ts";
import { slugOf } from "../../src/manual/slug.ts";
import { terminalText } from "../../src/manual/terminal_text.ts";

Deno.test("findTopic: by name, by its start, by a word within; nothing if several match", () => {
  const found = ["limits", "limits-and-budgets", "budgets", "tr", "https", "security", "s", "and", "nothing"]
    .map((word) => findTopic(word)?.name);
  assertEquals(found, [
    "limits-and-budgets",
    "limits-and-budgets",
    "limits-and-budgets",
    "troubleshooting",
    "https",
    "security",
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("terminalText: headings, lists, code and tables", () => {
  const text = terminalText(
    "# A *page*\n\n<!-- for tests -->\n\nSome `code` and a [link](x.md), <b>more</b> words.\n\n" +
      "```sh run\nls   -l\n\npwd\n```\n\n- one\n- two words that wrap\n  1. inner\n\n" +
      "| key | meaning |\n| --- | --- |\n| `a` | first |\n| `bcd` | second |\n\n[out](https://a.test/x)\n",
    { width: 20 },
  );
  assertEquals(
    text,
    `A page
======

Some \`code\` and a
link, more words.

    ls   -l

    pwd

- one
- two words that
  wrap

  1. inner

key    meaning
\`a\`    first
\`bcd\`  second

out
<https://a.test/x>
`,
  );
});

Deno.test("terminalText: a table that is too wide becomes one paragraph per row", () => {
  const text = terminalText(
    `| name | what | more |\n|--|--|--|\n| ${"n".repeat(30)} | ${"w ".repeat(15)} | ${"m ".repeat(20)} |\n`,
    { width: 50 },
  );
  const lines = text.trimEnd().split("\n");
  assertEquals(lines[0], "n".repeat(30));
  assert(lines.length > 1 && lines.every((line) => line.length <= 50), text);
});

Deno.test("terminalText: every page fits the width, except code and long words", async () => {
  for (const topic of TOPICS) {
    const text = terminalText(await readPage(topic), { width: 80 });
    const wide = text.split("\n").filter((line) =>
      line.length > 80 && !line.startsWith("    ") && line.trim().split(" ").length > 3
    );
    assertEquals(wide, [], topic.name);
    assert(!text.includes("<!--"), topic.name);
  }
});

Deno.test("pageHtml: anchors, links to pages, and nothing that a content security policy blocks", () => {
  const html = pageHtml(
    "# What `a` does\n\n<script>alert(1)</script>\n\n[a](clients.md#x), [b](../SECURITY.md), [c](#y), " +
      "[d](https://a.test), [e](javascript:alert(1)) ![f](../x.png)\n\n```sh\n<b>\n```\n",
    { path: "/admin/docs", current: "clients" },
  );
  for (
    const part of [
      '<h1 id="what-a-does">What <code>a</code> does</h1>',
      '<a href="/admin/docs/clients#x">a</a>, b, <a href="#y">c</a>, <a href="https://a.test">d</a>, e ',
      "[picture: f]",
      "&lt;b&gt;",
      '<a href="/admin/docs/clients" aria-current="page">Clients</a>',
    ]
  ) assertStringIncludes(html, part);
  assert(!/<script|<img|style=|javascript:/.test(html), html);
});

Deno.test("slugOf: makes anchors as GitHub does", () => {
  assertEquals(
    ["What it changes, and why", "`[endpoints.NAME]`", "Whose error is it?"].map(slugOf),
    ["what-it-changes-and-why", "endpointsname", "whose-error-is-it"],
  );
});
