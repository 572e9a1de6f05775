/**
 * `lint_powershell.ts GRAMMAR.wasm`: parses the PowerShell scripts of the Windows service and of completion. Fails if a
 * script has a syntax error.
 */

import { Language, Parser } from "web-tree-sitter";
import { completionScript } from "../src/cli/completion/completion.ts";
import { describe } from "../src/cli/description.ts";
import { buildProgram } from "../src/cli/program.ts";
import { windowsService } from "../src/service/windows.ts";

const [grammar] = Deno.args;
if (grammar === undefined) throw new Error("usage: lint_powershell.ts GRAMMAR.wasm");
await Parser.init();
const parser = new Parser();
parser.setLanguage(await Language.load(await Deno.readFile(grammar)));

const { files } = windowsService({
  program: "C:\\Users\\it's me\\llm-proxy.exe",
  variables: new Map([["PROXY_TOKEN", "x"]]),
  config: { name: "config.toml", text: "" },
  user: "me",
});
check("install.ps1", files.find(({ path }) => path.endsWith(".ps1"))?.text ?? "");
check("llm-proxy.ps1", completionScript("powershell", describe(buildProgram())));
// A parser that accepts everything would prove nothing.
if (parser.parse("if ( {")?.rootNode.hasError !== true) {
  throw new Error("the grammar accepts a broken script");
}

function check(name: string, script: string): void {
  const tree = parser.parse(script);
  if (script === "" || tree === null || tree.rootNode.hasError) {
    console.error(`${name} is not valid PowerShell:\n${script}\n${tree?.rootNode.toString()}`);
    Deno.exit(1);
  }
  console.log(`${name}: ${script.split("\n").length} lines, no syntax error`);
}
