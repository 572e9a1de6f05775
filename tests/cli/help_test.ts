/**
 * Help: its examples work, its pages exist, options are described in the same way, and mistakes get
 * suggestions.
 */

import type { Command } from "commander";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { CommandError } from "../../src/cli/command_error.ts";
import { allCommands, describe } from "../../src/cli/description.ts";
import { COMMAND_NOTES } from "../../src/cli/command_notes.ts";
import { runCommandLine } from "../../src/cli/command_line.ts";
import { wordsOf } from "../../src/cli/help_notes.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { readPage, TOPICS } from "../../src/manual/pages.ts";

const COMMANDS = allCommands(describe(buildProgram()));

Deno.test("help: every command has notes, and every note belongs to a command", () => {
  assertEquals(Object.keys(COMMAND_NOTES).sort(), COMMANDS.map(({ words }) => words).sort());
});

/** The program with actions that only record what would run. */
function inertProgram(note: (words: string) => void): Command {
  const program = buildProgram();
  const disarm = (command: Command): void => {
    // A command with subcommands runs only if it also has arguments.
    if (command.commands.length === 0 || command.registeredArguments.length > 0) {
      command.action(() => note(wordsOf(command)));
    }
    command.commands.forEach(disarm);
  };
  disarm(program);
  return program;
}

/** The words of a line as a shell splits it, without the redirection of its output. */
function wordsIn(line: string): string[] {
  return [...line.replace(/ >.*/, "").matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) =>
    quoted ?? plain ?? ""
  );
}

for (const [words, { examples }] of Object.entries(COMMAND_NOTES)) {
  for (const [line] of examples) {
    Deno.test(`help: the example of "${words}" is a valid command line: ${line}`, async () => {
      const ran: string[] = [];
      await inertProgram((command) => ran.push(command)).parseAsync(wordsIn(line), { from: "user" });
      assertEquals(ran.length, 1);
      assert(words === "" || ran[0]?.startsWith(words), `${ran[0]} would run`);
    });
  }
}

Deno.test("help: every page that it names exists", async () => {
  for (const { page } of Object.values(COMMAND_NOTES)) {
    const topic = TOPICS.find(({ name }) => name === page);
    assert(topic !== undefined, page);
    assert((await readPage(topic)).startsWith("# "), page);
  }
});

/** Options that mean something else in each command that has them. */
const DIFFERENT = [
  "--url <url>",
  "--port <port>",
  "--name <name>",
  "--online",
  "--key-file <file>",
  "--project <project>",
  "--passthrough",
];

Deno.test("help: an option has the same description in every command", () => {
  const words = new Map<string, Set<string>>();
  for (const { options } of COMMANDS) {
    for (const { flags, description } of options) {
      words.set(flags, (words.get(flags) ?? new Set()).add(description));
    }
  }
  const different = [...words].filter(([flags, texts]) => texts.size > 1 && !DIFFERENT.includes(flags));
  assertEquals(different.map(([flags, texts]) => [flags, ...texts]), [
    ["--watch", ...words.get("--watch") ?? []],
    ["--endpoint <name>", ...words.get("--endpoint <name>") ?? []],
  ]);
});

Deno.test("help: every argument and option has a description", () => {
  const silent = COMMANDS.flatMap((command) =>
    [...command.options, ...command.arguments].filter(({ description }) => description === "")
      .map((one) => `${command.words}: ${"flags" in one ? one.flags : one.name}`)
  );
  assertEquals(silent, []);
});

/** Wrong arguments, and the message for them. */
const MISTAKES: readonly (readonly [string, string])[] = [
  ["chek", "did you mean check?"],
  ["token lst", "unknown command 'lst'; did you mean list?"],
  ["token list --jsn", "unknown option '--jsn'; did you mean --json?\nllm-proxy token list --help shows"],
  ["--prot 1", "unknown option '--prot'; did you mean --port?"],
  ["connect openai-sdkk", "Did you mean openai-sdk?"],
  ["service instal", "Allowed choices are install, uninstall, status, print."],
  ["completion tcsh", "Allowed choices are bash, zsh, fish, powershell."],
  ["token create x", "required option '--project <project>' not specified"],
  ["token list --api-key=sk-typed", "unknown option '--api-key=…'"],
  ["version sk-typed", "Expected 0 arguments but got 1."],
  ["tls", "llm-proxy tls needs a command: init, renew, show"],
];
for (const [line, message] of MISTAKES) {
  Deno.test(`mistakes: ${line}`, async () => {
    const error = await assertRejects(() => runCommandLine(line.split(" ")), CommandError, message);
    assertEquals(error.exitCode, 2);
  });
}
