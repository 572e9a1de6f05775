import { assertEquals, assertThrows } from "@std/assert";
import { command, denoCommand } from "./support/processes/command.ts";
import { unless, without } from "./support/runner/left_out.ts";
import { leftOutLines } from "./support/runner/left_out_lines.ts";

Deno.test("command: a program gets nothing of the shell's environment but what every program needs", async () => {
  const ours = { HTTP_PROXY: "http://127.0.0.1:9", OPENAI_API_KEY: "k", NODE_OPTIONS: "--no", GIT_DIR: "/x" };
  const before = Object.keys(ours).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(ours)) Deno.env.set(name, value);
  try {
    const code = "console.log(JSON.stringify(Deno.env.toObject()))";
    const { stdout } = await denoCommand(["eval", code], { env: { GIVEN: "1" } }).output();
    const seen: Record<string, string> = JSON.parse(new TextDecoder().decode(stdout));
    assertEquals(Object.keys(ours).filter((name) => name in seen), []);
    assertEquals([seen["GIVEN"], seen["PATH"]], ["1", Deno.env.get("PATH")]);
  } finally {
    for (const [name, value] of before) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
  }
});

Deno.test("without: a program that is missing is a reason, and no error", () => {
  const name = "no-program-has-this-name";
  assertEquals(without(name), `${name} is not installed`);
  assertEquals(without(`/${name}`), `/${name} is not installed`);
  assertEquals(without(Deno.execPath()), undefined);
  assertThrows(() => command(name).outputSync(), Deno.errors.NotFound);
  assertEquals(unless(without(name), "a test"), {
    name: `a test (left out: ${name} is not installed)`,
    ignore: true,
  });
  assertEquals(unless(undefined, "a test"), { name: "a test", ignore: false });
});

Deno.test("leftOutLines: the tests that were left out, by their reasons", () => {
  const skipped = (name: string) => `<testcase name="${name}" line="1">\n  <skipped/>\n</testcase>`;
  const passed = '<testcase name="x (left out: no)" line="1">\n</testcase>\n';
  assertEquals(leftOutLines(passed), "0 tests were left out.");
  assertEquals(
    leftOutLines(passed + skipped("a (b) (left out: &quot;git&quot; isn&apos;t there)")),
    '1 test was left out:\n  1 test: "git" isn\'t there',
  );
  const three = [skipped("a"), skipped("b (left out: x)"), passed, skipped("c (left out: x)")].join("");
  assertEquals(leftOutLines(three), "2 tests were left out:\n  2 tests: x");
});
