/** What the project says of its dependencies, held against those that it has. */

import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);
/** What the program imports, and then its page, its tests and its scripts. */
const MANIFESTS = [
  "deno.json",
  "src/management/page/deno.json",
  "src/build/deno.json",
  "tests/deno.json",
  ".ci/deno.json",
  ".github/release/deno.json",
];

Deno.test("SECURITY.md: names every package of each deno.json, and none that it no longer has", async () => {
  const imports: Record<string, string> = {};
  for (const manifest of MANIFESTS) {
    Object.assign(imports, JSON.parse(await Deno.readTextFile(new URL(manifest, ROOT))).imports);
  }
  const packages = new Set(Object.values(imports).flatMap((target) => packageOf(target) ?? []));
  assert(packages.size > 20, "the imports were read");
  const text = await Deno.readTextFile(new URL("SECURITY.md", ROOT));
  const named = new Set(firstCells(section(text, "Dependencies")));
  assertEquals([...packages.difference(named)].sort(), [], "packages that the table lacks");
  const names = new Set([...packages, ...Object.keys(imports)]);
  assertEquals([...named.difference(names)].sort(), [], "packages that only the table has");
});

/** Of `npm:NAME@VERSION/PATH`. */
function packageOf(target: string): string | undefined {
  return /^npm:((?:@[^/]+\/)?[^@/]+)/.exec(target)?.[1];
}

/** What stands under a heading of the second level. */
function section(text: string, heading: string): string {
  const [, ...sections] = text.split(/^## /m);
  return sections.find((one) => one.startsWith(`${heading}\n`)) ?? "";
}

/** The package that each row of its tables begins with. */
function firstCells(markdown: string): string[] {
  return [...markdown.matchAll(/^\| `([^`]+)`/gm)].flatMap(([, name]) => name ?? []);
}
