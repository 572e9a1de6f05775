/** What people read: words that docs/contributing.md rules out, and comments that say nothing. */

import { assert, assertEquals } from "@std/assert";
import { command } from "./support/processes/command.ts";

const ROOT = new URL("../", import.meta.url);
/** Shorter comments repeat the name. In characters. */
const LEAST_OF_SYMBOL = 24;
const LEAST_OF_MEMBER = 14;
/** Pages that users read, besides those of `docs/`. */
const PAGES = [
  "README.md",
  "SECURITY.md",
  "CHANGELOG.md",
  ".env.example",
  "config.example.toml",
  "docker-compose.yml",
];

interface Described {
  readonly name: string;
  readonly jsDoc?: { readonly doc?: string };
}
interface Declaration {
  readonly declarationKind: string;
  readonly jsDoc?: Described["jsDoc"];
  readonly def?: { readonly properties?: readonly Described[]; readonly methods?: readonly Described[] };
}
interface DocModule {
  readonly symbols?: readonly { readonly name: string; readonly declarations: readonly Declaration[] }[];
}

Deno.test("language: each exported symbol has a comment that says something in a hover", async () => {
  const { stdout } = await command(Deno.execPath(), {
    args: ["doc", "--json", ...await files("src/", /\.tsx?$/)],
    cwd: ROOT,
    stderr: "null",
  }).output();
  const { nodes }: { nodes: Record<string, DocModule> } = JSON.parse(new TextDecoder().decode(stdout));
  const problems: string[] = [];
  for (const [url, { symbols = [] }] of Object.entries(nodes)) {
    for (const { name, declarations } of symbols) {
      for (const { declarationKind, jsDoc, def = {} } of declarations) {
        if (declarationKind !== "export") continue;
        const at = `${url.slice(ROOT.href.length)}: ${name}`;
        const { doc = "" } = jsDoc ?? {};
        if (doc.length < LEAST_OF_SYMBOL) problems.push(`${at}: ${JSON.stringify(doc)}`);
        for (const member of [...def.properties ?? [], ...def.methods ?? []]) {
          const { doc } = member.jsDoc ?? {};
          if (doc !== undefined && doc.length < LEAST_OF_MEMBER) {
            problems.push(`${at}.${member.name}: ${JSON.stringify(doc)}`);
          }
        }
      }
    }
  }
  assert(Object.keys(nodes).length > 300, "the sources were read");
  assertEquals(problems, []);
});

Deno.test("language: no text has a word that docs/contributing.md rules out", async () => {
  const ruledOut = await ruledOutWords();
  assert(ruledOut.size > 20, "the table was read");
  const anyOfThem = new RegExp(`(?<![\\w-])(?:${[...ruledOut.keys()].join("|")})(?![\\w-])`, "gi");
  const problems: string[] = [];
  for (const file of [...await files("src/", /\.tsx?$/), ...await files("docs/", /\.md$/), ...PAGES]) {
    // It lists them.
    if (file === "docs/contributing.md") continue;
    const text = await Deno.readTextFile(new URL(file, ROOT));
    for (const [index, line] of text.split("\n").entries()) {
      for (const [word] of line.matchAll(anyOfThem)) {
        problems.push(`${file}:${index + 1}: ${word}; write: ${ruledOut.get(word.toLowerCase()) ?? "?"}`);
      }
    }
  }
  assertEquals(problems, []);
});

Deno.test("language: no line of a comment is longer than the formatter makes lines of code", async () => {
  const { fmt: { lineWidth } } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const problems: string[] = [];
  for (const file of [...await files("src/", /\.tsx?$/), ...await files("tests/", /\.ts$/)]) {
    const text = await Deno.readTextFile(new URL(file, ROOT));
    for (const [index, line] of text.split("\n").entries()) {
      const [, comment] = /^\s*(?:\/\*\*|\*|\/\/) (.*)/.exec(line) ?? [];
      // A long address cannot be broken.
      if (comment?.includes(" ") !== true || comment.includes("://")) continue;
      if (line.length > lineWidth) problems.push(`${file}:${index + 1}: ${line.length} characters`);
    }
  }
  assertEquals(problems, []);
});

/** The table below "do not write": what to write instead, by each word of its first column. */
async function ruledOutWords(): Promise<ReadonlyMap<string, string>> {
  const text = await Deno.readTextFile(new URL("docs/contributing.md", ROOT));
  const [, table = ""] = text.split(/^\| do not write .*\n\|[-| ]+\n/m);
  const rows = table.split("\n").slice(0, table.split("\n").findIndex((line) => !line.startsWith("|")));
  return new Map(rows.flatMap((row) => {
    const [, words = "", instead = ""] = row.split("|");
    return words.split(",").map((word) => [word.trim(), instead.trim()] as const);
  }));
}

/** Paths of the files below a folder whose names match, without those that a tool made. */
async function files(folder: string, name: RegExp): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    const path = `${folder}${entry.name}`;
    if (entry.isDirectory && entry.name !== "bundle") found.push(...await files(`${path}/`, name));
    else if (entry.isFile && name.test(entry.name)) found.push(path);
  }
  return found;
}
