/** The program as JavaScript, before it is compiled. */

/** Modules that the program starts in threads. It looks for them beside the module that names them. */
export const WORKERS: readonly string[] = ["copy_worker.ts", "store_worker.ts"];
/** The built admin page. */
const PAGE = "src/management/admin/bundle";

/** What can be done to a bundle. */
export interface BundleOptions {
  /** Edits the modules, once all are there. */
  readonly edit?: (folder: string) => Promise<void>;
}

/**
 * Writes the program into a folder: `main.js`, one module for each part that is loaded on demand, the workers, and the
 * admin page in `bundle`. Throws if the bundler fails. The working folder must be the root of the project.
 */
export async function bundleProgram(folder: string, { edit }: BundleOptions = {}): Promise<void> {
  // The first run of the bundler fetches it.
  await bundle("--code-splitting", "--outdir", folder, "src/main.ts");
  await Promise.all(
    WORKERS.map((name) => bundle("--output", `${folder}/${name}`, `src/storage/sqlite/${name}`)),
  );
  await edit?.(folder);
  await Deno.mkdir(`${folder}/bundle`, { recursive: true });
  for await (const { name } of Deno.readDir(PAGE)) {
    await Deno.copyFile(`${PAGE}/${name}`, `${folder}/bundle/${name}`);
  }
}

async function bundle(...words: string[]): Promise<void> {
  const args = ["bundle", "--quiet", "--platform", "deno", ...words];
  const { success } = await new Deno.Command(Deno.execPath(), { args }).spawn().status;
  if (!success) throw new Error(`deno ${args.join(" ")} failed`);
}
