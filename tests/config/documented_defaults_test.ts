/** The defaults that the pages of `docs/` state are those of the program. */

import { assert, assertEquals } from "@std/assert";
import { loadConfig } from "../../src/config/load.ts";
import { RESTART_KEYS } from "../../src/cli/reload.ts";
import { DEFAULT_TIMEOUTS } from "../../src/config/values/defaults.ts";

const ENV: Readonly<Record<string, string>> = {
  OPENAI_BASE_URL: "https://api.openai.com/v1",
  ANTHROPIC_BASE_URL: "https://api.anthropic.com",
  OPENAI_API_KEY: "sk-openai-key",
  ANTHROPIC_API_KEY: "sk-anthropic-key",
  PROXY_TOKEN: "a-token-of-some-length",
  MANAGEMENT_TOKEN: "another-token-of-some-length",
};
/** Rows whose default holds only beside another setting. */
const NEEDS: ReadonlyMap<string, string> = new Map([
  ["wake_broadcast", 'wake = "00:11:22:33:44:55"\n'],
  ["wake_timeout", 'wake = "00:11:22:33:44:55"\n'],
]);
/** Variables whose default is not the same as the value, with the reason. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  CONFIG_PATH: "it is no setting of the configuration, and a named file must exist",
  PRICES_FILE: "a named file must exist",
  LIMITS_TIMEOUT: "its default depends on the kind of server",
  MANAGEMENT_ALLOWED_IPS: "its default is another variable",
};
/** The least numbers of checked defaults, so that a change of the tables cannot skip them. */
const LEAST = { variables: 25, server: 18, endpoint: 22 };

const PAGE = await Deno.readTextFile(new URL("../../docs/configuration.md", import.meta.url));

/** The defaults of the table below a heading, each with the name of its setting. */
function defaultsOf(head: "variable" | "key", isTable: (names: ReadonlySet<string>) => boolean) {
  const tables = PAGE.matchAll(
    new RegExp(`^\\| ${head} +\\| default .*\\n\\|[-| ]+\\n((?:\\|.*\\n)+)`, "gm"),
  );
  const found: (readonly [name: string, value: string])[] = [];
  for (const [, rows = ""] of tables) {
    const defaults = rows.trimEnd().split("\n").flatMap((row) => {
      const [, names = "", values = ""] = row.split(" | ", 2).length === 2
        ? ["", ...row.slice(2).split(" | ", 2)]
        : [];
      const written = quoted(values);
      return quoted(names).flatMap((name, index) => {
        const value = written[index];
        return value === undefined ? [] : [[name, value] as const];
      });
    });
    const names = new Set(rows.trimEnd().split("\n").flatMap((row) => quoted(row.split(" | ", 1)[0] ?? "")));
    if (isTable(names)) found.push(...defaults);
  }
  return found;
}

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].flatMap(([, text]) => text === undefined ? [] : [text]);
}

async function load(file: string, env: Readonly<Record<string, string>> = ENV) {
  const { config } = await loadConfig({
    get: (name) => env[name],
    readTextFile(path) {
      if (path === "config.toml") return file;
      throw new Deno.errors.NotFound(path);
    },
  });
  return config;
}

/** A value in TOML. */
function toml(value: string): string {
  return /^(?:\d+|true|false|\[\]|\{\})$/.test(value) ? value : JSON.stringify(value);
}

Deno.test("docs/configuration.md: the defaults of variables are those of the program", async () => {
  const defaults = defaultsOf("variable", () => true);
  assert(defaults.length >= LEAST.variables, `${defaults.length}`);
  const bare = await load("");
  for (const [name, value] of defaults) {
    if (name in NOT_COMPARED) continue;
    assertEquals(await load("", { ...ENV, [name]: value }), bare, `${name}=${value}`);
  }
});

Deno.test("docs/configuration.md: the defaults of [server] are those of the program", async () => {
  const defaults = defaultsOf("key", (names) => names.has("drain_seconds"));
  assert(defaults.length >= LEAST.server, `${defaults.length}`);
  const bare = await load("");
  for (const [name, value] of defaults) {
    assertEquals(await load(`[server]\n${name} = ${toml(value)}\n`), bare, `${name} = ${value}`);
  }
});

Deno.test("docs/configuration.md: the defaults of endpoints are those of the program", async () => {
  const defaults = defaultsOf("key", (names) => names.has("first_byte_timeout"));
  assert(defaults.length >= LEAST.endpoint, `${defaults.length}`);
  const backends = ["one", "two"].map((name) =>
    `[[endpoints.chat.backends]]\nname = "${name}"\nbase_url = "https://${name}.example.test/v1"\n`
  ).join("");
  for (const [name, value] of defaults) {
    const head = `[endpoints.chat]\nprovider = "generic"\n${NEEDS.get(name) ?? ""}`;
    const own = await load(`${head}${name} = ${toml(value)}\n${backends}`);
    assertEquals(own, await load(head + backends), `${name} = ${value}`);
  }
});

Deno.test("docs: pages that state the default timeouts in their text state those of the program", async () => {
  const { connectMs = 0, firstByteMs = 0, idleMs = 0 } = DEFAULT_TIMEOUTS;
  const minutes = firstByteMs / 60_000;
  assertEquals(idleMs, firstByteMs, "the texts give one number for both");
  const texts: readonly (readonly [page: string, text: string])[] = [
    ["clients.md", `\`first_byte_timeout\` and \`idle_timeout\` are ${minutes} minutes`],
    [
      "troubleshooting.md",
      `\`connect_timeout\` (${
        connectMs / 1_000
      } s), \`first_byte_timeout\` or \`idle_timeout\` (${minutes} min)`,
    ],
    ["troubleshooting.md", `longer than the default (${minutes} minutes)`],
  ];
  for (const [page, text] of texts) {
    const content = await Deno.readTextFile(new URL(`../../docs/${page}`, import.meta.url));
    assert(content.replace(/\s+/g, " ").includes(text), `${page}: ${text}`);
  }
});

Deno.test("docs/configuration.md: it names each setting that needs a restart", () => {
  const [, text = ""] = /\n- These need a restart,([^]*?)\n- /.exec(PAGE) ?? [];
  assertEquals(RESTART_KEYS.filter((key) => !text.includes(`\`${key}\``)), []);
});
