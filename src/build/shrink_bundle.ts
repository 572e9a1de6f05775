/**
 * Makes the modules of a bundle smaller and faster to load. Names stay, so that stack traces name functions,
 * and so do notices of licences.
 */

import { minify } from "terser";
import { editedModules, type EditOptions, writeModules } from "./edit_bundle.ts";

/** Notices of licences. */
const NOTICE = /@license|@preserve|^!/;

/** Does what `editBundle` does, and makes the modules smaller. */
export async function shrinkBundle(folder: string, options: EditOptions = {}): Promise<void> {
  const modules = await editedModules(folder, options);
  for (const [name, code] of modules) modules.set(name, await withoutBlanks(code));
  await writeModules(folder, modules);
}

/**
 * The code without blanks and comments: the runtime keeps the source of every module in memory. The result is
 * ASCII, because one other character doubles the memory of its module.
 */
async function withoutBlanks(code: string): Promise<string> {
  const { code: result = "" } = await minify(code, {
    module: true,
    ecma: 2020,
    compress: false,
    mangle: false,
    format: { ascii_only: true, comments: NOTICE },
  });
  return result;
}
