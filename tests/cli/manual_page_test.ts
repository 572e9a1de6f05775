import { assert, assertEquals } from "@std/assert";
import { allCommands, describe } from "../../src/cli/description.ts";
import { manualPage } from "../../src/cli/manual_page.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { command } from "../support/processes/command.ts";
import { unless, without } from "../support/runner/left_out.ts";

const PROGRAM = describe(buildProgram());
const PAGE = manualPage(PROGRAM, { version: "1.2.3", date: "2026-11-21" });

Deno.test("manual page: every command with every option, escaped for man(7)", () => {
  const plain = PAGE.replaceAll("\\-", "-");
  for (const { words, options } of allCommands(PROGRAM)) {
    const section = words === ""
      ? plain
      : plain.split(`\n.SS "llm-proxy ${words}`)[1]?.split("\n.SS ")[0] ?? "";
    const wanted = options.map(({ flags }) => flags).filter((flags) => !flags.includes("--help"));
    assertEquals(wanted.filter((flags) => !section.includes(`\n.B ${flags}\n`)), [], words);
  }
  assert(PAGE.startsWith('.TH LLM\\-PROXY 1 "2026-11-21" "llm\\-proxy 1.2.3"'), PAGE.slice(0, 80));
  assertEquals(/[^\n -~]/.exec(PAGE)?.[0], undefined, "plain ASCII, whatever reads it");
});

Deno.test({
  ...unless(without("mandoc"), "manual page: mandoc has no warning"),
  async fn() {
    const file = await Deno.makeTempFile({ suffix: ".1" });
    await Deno.writeTextFile(file, PAGE);
    const { code, stdout, stderr } = await command("mandoc", { args: ["-Tlint", "-W", "warning", file] })
      .output();
    await Deno.remove(file);
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    assertEquals([code, text], [0, ""]);
  },
});
