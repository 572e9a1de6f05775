/** The `deno.json` of a bundle that runs under `deno run`. */

import manifest from "../../../deno.json" with { type: "json" };

/**
 * Writes the rights of the program beside its bundle, without the other settings of the project: those take a
 * tenth of a start to read.
 */
export async function writeBundleManifest(folder: string): Promise<void> {
  const { unstable, permissions } = manifest;
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ unstable, permissions, workspace: [] }));
}
