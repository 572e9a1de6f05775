/** The program as JavaScript, before it is compiled. */

/** Modules of the database that the program starts in threads. */
const STORE_WORKERS: readonly string[] = ["copy_worker.ts", "store_worker.ts"];
/** The module of a thread that serves requests. It shares its parts with the main module. */
const SERVING_WORKER = "serving_worker.ts";
/** Modules that the program starts in threads. It looks for them beside the module that names them. */
export const WORKERS: readonly string[] = [...STORE_WORKERS, SERVING_WORKER];
/** The built admin page. */
const PAGE = "src/management/admin/bundle";

/** What can be done to a bundle. */
export interface BundleOptions {
  /** Edits the modules, once all are there. */
  readonly edit?: (folder: string) => Promise<void>;
}

/**
 * Writes the program into a folder: `main.js`, one module for each part that is loaded on demand, the
 * workers, and the admin page in `bundle`. Throws if the bundler fails. The working folder must be the root
 * of the project.
 */
export async function bundleProgram(folder: string, { edit }: BundleOptions = {}): Promise<void> {
  // The first run of the bundler fetches it.
  await bundle("--code-splitting", "--outdir", folder, "src/main.ts", `src/cli/workers/${SERVING_WORKER}`);
  // The bundler keeps the folder of the module.
  await Deno.writeTextFile(`${folder}/${SERVING_WORKER}`, `import "./cli/workers/serving_worker.js";\n`);
  await Promise.all(
    STORE_WORKERS.map((name) => bundle("--output", `${folder}/${name}`, `src/storage/sqlite/${name}`)),
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
