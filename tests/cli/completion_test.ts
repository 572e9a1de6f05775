/** Completion in real shells: each shell offers what the parser accepts. */

import { assert, assertEquals } from "@std/assert";
import { completionScript } from "../../src/cli/completion/completion.ts";
import { type Shell, SHELLS } from "../../src/cli/completion/shells.ts";
import { completionTree } from "../../src/cli/completion/tree.ts";
import { describe } from "../../src/cli/description.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { command } from "../support/processes/command.ts";
import { unless, without } from "../support/runner/left_out.ts";

const PROGRAM = describe(buildProgram());
const TREE = completionTree(PROGRAM);

/** Runs a shell once, and returns what it offers for each line. A line ends at the cursor. */
type Offers = (lines: readonly string[]) => Promise<string[][]>;

async function runShell(
  shell: Shell,
  program: string,
  test: string,
  lines: readonly string[],
): Promise<string> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/script`, completionScript(shell, PROGRAM));
  await Deno.writeTextFile(`${folder}/my config.toml`, "");
  await Deno.writeTextFile(`${folder}/lines`, lines.map((line) => `${line}\n`).join(""));
  await Deno.writeTextFile(`${folder}/test`, test);
  const flags = { bash: ["--norc", "--noprofile"], fish: ["--no-config"], zsh: ["-f"] }[program] ?? [];
  const { stdout, stderr } = await command(program, {
    args: [...flags, "test"],
    cwd: folder,
    env: { HOME: folder },
  })
    .output();
  await Deno.remove(folder, { recursive: true });
  assertEquals(new TextDecoder().decode(stderr), "");
  return new TextDecoder().decode(stdout);
}

const inBash: Offers = async (lines) => {
  const test = `source ./script
while IFS= read -r line; do
  read -ra COMP_WORDS <<<"$line"
  if [[ $line == *" " ]]; then COMP_WORDS+=(""); fi
  COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
  _llm_proxy
  (IFS=$'\\t'; echo "\${COMPREPLY[*]}")
done <lines
`;
  const out = await runShell("bash", "bash", test, lines);
  return out.split("\n").slice(0, lines.length).map((line) => line === "" ? [] : line.split("\t"));
};

const inFish: Offers = async (lines) => {
  const test = `source ./script
while read --line line
  complete -C "$line" | string replace -r '\\t.*' ''
  echo ---
end <lines
`;
  const out = await runShell("fish", "fish", test, lines);
  return out.split("---\n").slice(0, lines.length).map((text) =>
    text.split("\n").filter((line) => line !== "")
  );
};

/** A line, and some of the offered words: all of them if there is a third value. */
const LINES: readonly (readonly [string, readonly string[], "all"?])[] = [
  ["llm-proxy ", ["serve", "check", "token", "completion", "help"]],
  ["llm-proxy tok", ["token"], "all"],
  ["llm-proxy token cre", ["create"], "all"],
  ["llm-proxy --log-level token check --online token --no", []],
  ["llm-proxy token create anna --budget-d", ["--budget-day"], "all"],
  ["llm-proxy token create --project token --budget-d", ["--budget-day"], "all"],
  ["llm-proxy connect claude", ["claude-code"], "all"],
  ["llm-proxy connect --token x claude", ["claude-code"], "all"],
  ["llm-proxy --log-level ", ["debug", "info", "warn", "error"], "all"],
  ["llm-proxy serve --log-format p", ["pretty"], "all"],
  ["llm-proxy service ", ["install", "uninstall", "status", "print"], "all"],
  ["llm-proxy service status --platform l", ["launchd"], "all"],
  ["llm-proxy usage --group t", ["token"], "all"],
  ["llm-proxy completion ", [...SHELLS], "all"],
  ["llm-proxy help tl", ["tls"], "all"],
  ["llm-proxy help limits", ["limits-and-budgets"], "all"],
];

for (const [shell, offers] of [["bash", inBash], ["fish", inFish]] as const) {
  Deno.test({
    ...unless(without(shell), `completion: ${shell} offers commands, options and values`),
    async fn() {
      const offered = await offers(LINES.map(([line]) => line));
      for (const [index, [line, wanted, all]] of LINES.entries()) {
        const given = offered[index] ?? [];
        if (all === "all") assertEquals(given.toSorted(), wanted.toSorted(), line);
        else assertEquals(wanted.filter((word) => !given.includes(word)), [], `${line}: ${given}`);
      }
    },
  });

  Deno.test({
    ...unless(
      without(shell),
      `completion: ${shell} offers every option and every command at each place where it is allowed`,
    ),
    async fn() {
      const lines = TREE.places.flatMap(({ words }) => {
        const start = words === "" ? "llm-proxy" : `llm-proxy ${words}`;
        return [`${start} -`, `${start} --`, `${start} `];
      });
      const offered = await offers(lines);
      for (const [index, { words, options, commands }] of TREE.places.entries()) {
        const given = offered.slice(index * 3, index * 3 + 3).flat();
        const wanted = [...options.flatMap(({ names }) => names), ...commands.map(({ name }) => name)];
        assertEquals(wanted.filter((word) => !given.includes(word)), [], words);
      }
    },
  });

  Deno.test({
    ...unless(without(shell), `completion: ${shell} offers files where an option takes one`),
    async fn() {
      const [files] = await offers(["llm-proxy serve --config my"]);
      assertEquals(files?.map((file) => file.replaceAll("\\", "")), ["my config.toml"]);
    },
  });
}

Deno.test({
  ...unless(without("bash"), "completion: bash, which parts --option=value, offers the value"),
  async fn() {
    assertEquals(await inBash(["llm-proxy --log-level = w"]), [["warn"]]);
  },
});

/** Types lines into an interactive zsh, and waits for what it has to offer: ten seconds at most. */
const IN_ZSH = `zmodload zsh/zpty zsh/zselect
until_seen() {
  local text chunk end=$(( SECONDS + 10 ))
  while (( SECONDS < end )); do
    if zpty -r -t shell chunk '*'; then text+=$chunk; else zselect -t 2; fi
    if [[ $text == *"$1"* ]]; then print -r -- "$1"; return; fi
  done
  print -r -- "not offered: $1"
}
zpty shell zsh -f -i
zpty -w shell 'PS1=; unset zle_bracketed_paste; autoload -Uz compinit; compinit -u -D; source ./script; LISTMAX=999; unsetopt list_ambiguous; print LOA""DED'
until_seen LOADED
while IFS=$'\\t' read -r line wanted; do
  zpty -w -n shell "$line"$'\\t'
  until_seen "$wanted"
  zpty -w -n shell $'\\C-u'
done <lines
zpty -d shell
`;

Deno.test({
  ...unless(without("zsh"), "completion: zsh offers commands, options and values"),
  async fn() {
    const lines = [
      ["llm-proxy token cre", "create "],
      ["llm-proxy token create --budget-", "--budget-total"],
      ["llm-proxy connect cl", "cline"],
      ["llm-proxy --log-level ", "error"],
      ["llm-proxy service status --platform ", "launchd"],
      ["llm-proxy serve --config my", "config.toml"],
      ["llm-proxy ", "completion"],
    ] as const;
    const out = await runShell("zsh", "zsh", IN_ZSH, lines.map((words) => words.join("\t")));
    assertEquals(
      out.trimEnd().split("\n").map((line) => line.trim()),
      ["LOADED", ...lines.map(([, wanted]) => wanted.trim())],
    );
  },
});

Deno.test("completion: the PowerShell script contains every command, option and value", () => {
  const script = completionScript("powershell", PROGRAM);
  for (const { words, options, commands, arguments: values } of TREE.places) {
    const wanted = [
      ...options.flatMap(({ names, value }) => [...names, ...value?.choices ?? []]),
      ...commands.map(({ name }) => name),
      ...values.flatMap(({ choices }) => choices),
    ];
    assertEquals(wanted.filter((word) => !script.includes(`'${word}\t`)), [], words);
  }
});

Deno.test("completion: an option takes a value in all commands or in none, so that scripts can skip values", () => {
  const switches = TREE.places.flatMap(({ options }) => options.filter(({ value }) => value === undefined))
    .flatMap(({ names }) => names);
  assert(TREE.valued.length > 20);
  assertEquals(TREE.valued.filter((name) => switches.includes(name)), []);
});
