/** What a candidate needs on the machine, and why it is missing. */

import { exists, output } from "../process.ts";
import type { Missing } from "./candidate.ts";

/** Looks for a program. */
export async function needs(program: string): Promise<Missing> {
  return await exists(program) ? {} : { missing: `${program} is not installed` };
}

/**
 * Installs packages of npm into a folder, for programs that Node or the package runs. No script of a package
 * runs.
 */
export async function withInstalled(folder: string, packages: readonly string[]): Promise<Missing> {
  for (const program of ["node", "npm"]) {
    const { missing } = await needs(program);
    if (missing !== undefined) return { missing };
  }
  try {
    await output(["npm", "install", "--silent", "--ignore-scripts", "--prefix", folder, ...packages]);
    return {};
  } catch (error) {
    const reason = error instanceof Error ? error.message.slice(0, 200) : String(error);
    return { missing: `npm could not install it: ${reason}` };
  }
}
