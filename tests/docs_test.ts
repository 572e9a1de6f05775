/**
 * The documentation is true: its links lead somewhere, and it names every setting, variable and command. What
 * its commands do is for `docs_commands_test.ts`.
 *
 * The information behind the fence of a block says what is done with it; readers do not see it:
 *
 * - `sh run`: the commands are run, and succeed. `sh fails`: they are run, and fail.
 * - `sh serves`: the one command serves until the end of the page, or until the next such block.
 * - `sh not-run=REASON`: it cannot be run here, for one of the reasons below.
 * - `text output`: what the block before prints. `…` is any text, alone on a line it is any lines; digits are
 *   any digits.
 */

import { assert, assertEquals } from "@std/assert";
import { buildProgram } from "../src/cli/program.ts";
import { VARIABLES } from "../src/config/sources/variables.ts";
import { PRESET_NAMES } from "../src/config/values/presets.ts";
import { TOPICS } from "../src/manual/pages.ts";
import { pageOf, PAGES, ROOT } from "./support/data/docs_pages.ts";

/** Why a block is not run. */
const REASONS: Readonly<Record<string, string>> = {
  docker: "it needs Docker",
  root: "it changes this machine, as its administrator",
  release: "it needs a published release",
  wire: "tests/wire runs it",
  development: "CI runs it",
};

Deno.test("docs: every block of shell commands is run, or says why not", () => {
  const against: string[] = [];
  for (const [name, { blocks }] of PAGES) {
    for (const { info, line } of blocks) {
      const [language, how = ""] = info.split(" ");
      if (language !== "sh") continue;
      const reason = /^not-run=(.*)$/.exec(how)?.[1];
      const isKnown = ["run", "fails", "serves"].includes(how) || reason !== undefined && reason in REASONS;
      if (!isKnown) against.push(`${name}:${line}: ${info}`);
    }
  }
  assertEquals(against, []);
});

Deno.test("docs: every relative link and anchor leads somewhere", async () => {
  const against: string[] = [];
  for (const [name, { targets }] of PAGES) {
    for (const target of targets) {
      if (/^[a-z]+:/.test(target)) continue;
      const url = new URL(target, new URL(name, ROOT));
      const path = url.pathname.slice(ROOT.pathname.length);
      const isThere = await Deno.stat(new URL(url.pathname, ROOT)).then(() => true, () => false);
      const anchor = decodeURIComponent(url.hash.slice(1));
      const page = PAGES.get(path);
      const hasAnchor = anchor === "" || page?.anchors.has(anchor) === true;
      if (!isThere || !hasAnchor) against.push(`${name}: ${target}`);
    }
  }
  assertEquals(against, []);
});

Deno.test("README.md: it has 200 lines at most, and links every page of docs", async () => {
  const text = await Deno.readTextFile(new URL("README.md", ROOT));
  assert(text.trimEnd().split("\n").length <= 200, `${text.split("\n").length} lines`);
  const { targets } = pageOf("README.md");
  assertEquals(TOPICS.map(({ name }) => `docs/${name}.md`).filter((page) => !targets.includes(page)), []);
});

Deno.test("docs: every file of the folder is a topic of `llm-proxy help`", async () => {
  const files = await Array.fromAsync(Deno.readDir(new URL("docs/", ROOT)), ({ name }) => name);
  const pages = files.filter((name) => name.endsWith(".md"));
  assertEquals(pages.toSorted(), TOPICS.map(({ name }) => `${name}.md`).toSorted());
});

Deno.test("docs/configuration.md: it names every key, variable and provider", async () => {
  const text = await Deno.readTextFile(new URL("docs/configuration.md", ROOT));
  const schema: unknown = JSON.parse(
    await Deno.readTextFile(new URL("src/config/config.schema.json", ROOT)),
  );
  const keys = keysOf(schema);
  assert(keys.size > 70, "the schema was read");
  // A certificate and its key are given by the names of their files alone.
  const variables = VARIABLES.map((name) => /^TLS_/.test(name) ? `${name}_FILE` : name);
  const named = [...keys, ...variables, ...PRESET_NAMES];
  assertEquals(named.filter((name) => !text.includes(`\`${name}\``) && !text.includes(`\`[${name}]\``)), []);
});

/** The names of all properties of a JSON Schema. */
function keysOf(schema: unknown): Set<string> {
  const keys = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [name, child] of Object.entries(value)) {
      if (name === "properties") { for (const key of Object.keys(child)) keys.add(key); }
      look(child);
    }
  };
  look(schema);
  return keys;
}

Deno.test("docs/commands.md: it names every command and every option", async () => {
  const text = await Deno.readTextFile(new URL("docs/commands.md", ROOT));
  const missing: string[] = [];
  const look = (command: ReturnType<typeof buildProgram>, path: string): void => {
    for (const child of command.commands) {
      const name = `${path} ${child.name()}`;
      if (child.commands.length === 0 && !text.includes(`\`${name}`)) missing.push(name);
      for (const { long } of child.options) {
        if (long !== undefined && long !== null && !text.includes(long)) missing.push(`${name} ${long}`);
      }
      look(child, name);
    }
  };
  look(buildProgram(), "llm-proxy");
  assertEquals(missing, []);
});

Deno.test("docs/contributing.md: the layout names every folder of src", async () => {
  const text = await Deno.readTextFile(new URL("docs/contributing.md", ROOT));
  const entries = await Array.fromAsync(Deno.readDir(new URL("src/", ROOT)));
  const folders = entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => `src/${name}/`);
  const isInLayout = (folder: string) =>
    text.split("\n").some((line) => line.startsWith("| `src/") && line.includes(`\`${folder}\``));
  assertEquals(folders.filter((folder) => !isInLayout(folder)), []);
});
