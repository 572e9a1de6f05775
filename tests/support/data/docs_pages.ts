/** The pages of the documentation, parsed. */

import { assert } from "@std/assert";
import { TOPICS } from "../../../src/manual/pages.ts";
import { type MarkdownPage, parseMarkdown } from "./markdown.ts";

/** The root of the project. */
export const ROOT = new URL("../../../", import.meta.url);

const NAMES = ["README.md", "SECURITY.md", "CHANGELOG.md", ...TOPICS.map(({ name }) => `docs/${name}.md`)];

/** Every page, by its path from the root of the project. */
export const PAGES: ReadonlyMap<string, MarkdownPage> = new Map(
  await Promise.all(
    NAMES.map(async (name) => [name, parseMarkdown(await Deno.readTextFile(new URL(name, ROOT)))] as const),
  ),
);

/** The page at that path. Throws if there is none. */
export function pageOf(name: string): MarkdownPage {
  const page = PAGES.get(name);
  assert(page !== undefined, name);
  return page;
}
