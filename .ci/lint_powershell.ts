/** `lint_powershell.ts GRAMMAR.wasm`: parses the script of the Windows service; fails where it is no PowerShell. */

import { Language, Parser } from "web-tree-sitter";
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
const script = files.find(({ path }) => path.endsWith(".ps1"))?.text ?? "";
const tree = parser.parse(script);
if (script === "" || tree === null || tree.rootNode.hasError) {
  console.error(`The script is no PowerShell:\n${script}\n${tree?.rootNode.toString()}`);
  Deno.exit(1);
}
// A parser that takes everything would say nothing.
if (parser.parse("if ( {")?.rootNode.hasError !== true) throw new Error("the grammar takes broken scripts");
console.log(`install.ps1: ${script.split("\n").length} lines, no syntax error`);
