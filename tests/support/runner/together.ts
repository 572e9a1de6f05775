/** Modules that import several files of tests, so that these share one isolate. */

import { pathToFileURL } from "node:url";
import type { Suite } from "../../suites.ts";
import { EXTRA_JOBS } from "./run_suite.ts";

export interface Together {
  /** Where the modules are written; it must not exist. */
  readonly folder: string;
  /** How many modules there are at most. */
  readonly count: number;
}

/**
 * The suite with its files in modules that share isolates, if it has files that may. The modules are written
 * into a folder, which must not exist.
 */
export async function sharingIsolates(suite: Suite, folder: string): Promise<Suite> {
  if (suite.sharing.length === 0) return suite;
  const others = suite.files.filter((file) => !suite.sharing.includes(file));
  // As many as run at the same time: all begin early, and end at about the same time.
  const count = navigator.hardwareConcurrency + EXTRA_JOBS;
  return { ...suite, files: [...others, ...await writeTogether(suite.sharing, { folder, count })] };
}

/**
 * Writes the modules, and gives their paths. Neighbours go to different modules: the files of a folder often
 * take equally long.
 */
export async function writeTogether(
  files: readonly string[],
  { folder, count }: Together,
): Promise<string[]> {
  await Deno.mkdir(folder);
  const modules = dealt(files, count).map((imported, index) => ({
    path: `${folder}/together_${String(index + 1).padStart(2, "0")}_test.ts`,
    text: imported.map((file) => `import ${JSON.stringify(pathToFileURL(file).href)};\n`).join(""),
  }));
  await Promise.all(modules.map(({ path, text }) => Deno.writeTextFile(path, text)));
  return modules.map(({ path }) => path);
}

/** Deals files out to as many hands as there are, but to no empty one. */
export function dealt(files: readonly string[], count: number): string[][] {
  const hands = Array.from({ length: Math.min(count, files.length) }, (): string[] => []);
  files.forEach((file, index) => hands[index % hands.length]?.push(file));
  return hands;
}
