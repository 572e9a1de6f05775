/**
 * The program that the tests start hundreds of times: a bundle starts in half the time that the sources take.
 * It is made once, at the beginning of a run, so it is never older than the sources.
 */

import { bundleProgram } from "../../../src/build/bundle.ts";
import { editBundle } from "../../../src/build/edit_bundle.ts";
import { writeBundleManifest } from "./bundle_manifest.ts";

/**
 * Always the same folder, because the runtime remembers compiled code by the path. The program finds the
 * manual two folders above its modules, as in `dist/bundle`.
 */
const FOLDER = "dist/tested";

/**
 * Makes the bundle, and gives the path of its main module. The working folder must be the root of the
 * project.
 */
export async function bundleTestedProgram(): Promise<string> {
  await Deno.mkdir("dist", { recursive: true });
  const fresh = await Deno.makeTempDir({ dir: "dist", prefix: "tested_" });
  try {
    await bundleProgram(fresh, {
      async edit(folder) {
        await editBundle(folder);
        await writeBundleManifest(folder);
      },
    });
    await Deno.remove(FOLDER, { recursive: true }).catch(() => {});
    await Deno.rename(fresh, FOLDER);
  } catch (error) {
    await Deno.remove(fresh, { recursive: true });
    throw error;
  }
  return `${Deno.cwd()}/${FOLDER}/main.js`;
}
