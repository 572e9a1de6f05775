/** Colours and progress: at a terminal alone, and as the variables say. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { progressText } from "../../../src/cli/progress.ts";
import { withoutTerminal } from "../../support/processes/at_terminal.ts";
import { runInTerminal } from "../../support/processes/in_terminal.ts";
import { unless } from "../../support/runner/left_out.ts";
import { proxyCommand } from "../../support/processes/proxy_process.ts";
import { SECRETS } from "../../support/data/secrets.ts";

const RED = "\x1b[31m";
const YELLOW = "\x1b[33m";
const BOLD = "\x1b[1m";
const ERASE = "\r\x1b[2K";

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(
    `${folder}/config.toml`,
    '[server]\nhost = "127.0.0.1"\n[endpoints.lab]\nbase_url = "http://127.0.0.1:9/v1/chat/completions"\n',
  );
  await test(folder);
  await Deno.remove(folder, { recursive: true });
}

async function inPipe(args: string[], env: Record<string, string>, cwd: string): Promise<string> {
  const { stdout, stderr } = await proxyCommand(args, env, cwd).output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test({
  ...unless(withoutTerminal(), "colours: headings, warnings and problems at a terminal"),
  fn: () =>
    inFolder(async (cwd) => {
      const { text } = await runInTerminal(["check"], { env: {}, cwd });
      assertStringIncludes(text, `${BOLD}setting `);
      assertStringIncludes(text, `${YELLOW}warning:\x1b[39m config.toml:4`);
      const wrong = await runInTerminal(["check"], { env: { PORT: "x" }, cwd });
      assertEquals(wrong.code, 2);
      assertStringIncludes(wrong.text, `${RED}Cannot start: one problem in the configuration.\x1b[39m\n`);
      assertStringIncludes(
        (await runInTerminal(["check", "--help"], { env: {}, cwd })).text,
        `${BOLD}Usage:`,
      );
      assertStringIncludes(
        (await runInTerminal(["chek"], { env: {}, cwd })).text,
        `${RED}There is no command`,
      );
    }),
});

for (
  const [name, env] of [
    ["NO_COLOR", { NO_COLOR: "1" }],
    ["TERM=dumb", { TERM: "dumb" }],
    ["FORCE_COLOR=0", { FORCE_COLOR: "0" }],
    ["NO_COLOR beside FORCE_COLOR", { NO_COLOR: "1", FORCE_COLOR: "1" }],
  ] as const
) {
  Deno.test({
    ...unless(withoutTerminal(), `colours: none at a terminal with ${name}`),
    fn: () =>
      inFolder(async (cwd) => {
        for (const args of [["check"], ["chek"], ["check", "--help"]]) {
          const { text } = await runInTerminal(args, { env, cwd });
          assert(text.length > 0 && !text.includes("\x1b"), JSON.stringify(text));
        }
      }),
  });
}

Deno.test("colours: none in a pipe, except with FORCE_COLOR", () =>
  inFolder(async (cwd) => {
    for (const args of [["check"], ["chek"], ["check", "--help"]]) {
      const plain = await inPipe(args, { TERM: "xterm", NO_COLOR: "" }, cwd);
      assert(plain.length > 0 && !plain.includes("\x1b"), JSON.stringify(plain));
      assertStringIncludes(await inPipe(args, { FORCE_COLOR: "1" }, cwd), "\x1b[");
    }
  }));

Deno.test("colours: JSON contains no control sequence, even with FORCE_COLOR", () =>
  inFolder(async (cwd) => {
    for (const args of [["check", "--json"], ["chek", "--json"]]) {
      const text = await inPipe(args, { FORCE_COLOR: "1" }, cwd);
      assert(
        text.startsWith("{") && !text.includes("\\u001b") && !text.includes("\x1b"),
        JSON.stringify(text),
      );
    }
  }));

Deno.test({
  ...unless(
    withoutTerminal(),
    "progress: a restore shows its progress at a terminal, and erases the line at the end",
  ),
  fn: () =>
    inFolder(async (cwd) => {
      const env = { MANAGEMENT_TOKEN: SECRETS.managementToken, PROXY_TOKEN: SECRETS.proxyToken };
      await inPipe(["project", "create", "home"], env, cwd);
      await inPipe(["backup", "copy.db"], env, cwd);
      const { code, text } = await runInTerminal(["restore", "copy.db"], { env, cwd });
      assertEquals(code, 0, text);
      const [before = "", shown = "", after = ""] = text.split(ERASE);
      assertEquals(before, "");
      assertStringIncludes(shown, "Checking the copy of copy.db … 0s");
      assertStringIncludes(after, "from copy.db.");
      const dumb = await runInTerminal(["restore", "copy.db"], { env: { ...env, TERM: "dumb" }, cwd });
      assert(!dumb.text.includes("Checking"), dumb.text);
      assert(!(await inPipe(["restore", "copy.db"], env, cwd)).includes("Checking"));
    }),
});

Deno.test("progress: the percentage, which never reaches 100, and the seconds", () => {
  const text = (share: number | undefined) => progressText("Copying", { step: 1, elapsedMs: 3_400, share });
  assertEquals(text(undefined), "/ Copying … 3s");
  assertEquals(text(0.427), "/ Copying … 42 %, 3s");
  assertEquals(text(1.2), "/ Copying … 99 %, 3s");
  assertEquals(text(NaN), "/ Copying … 3s");
});
