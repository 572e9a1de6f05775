/** Writes the repository of a release, `OWNER/NAME`, into the program. */

const NAME = /^[\w.-]+\/[\w.-]+$/;
/** The variable of `src/release.ts` in a bundle. */
const EMPTY = 'var FILLED_IN = "";';

/**
 * Checks a repository from an option or build argument. Returns `undefined` if it is empty. Throws if it is
 * not `OWNER/NAME`.
 */
export function repositoryName(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (!NAME.test(value)) {
    throw new Error(`The repository has to be OWNER/NAME: found ${JSON.stringify(value)}`);
  }
  return value;
}

/**
 * Writes the repository into the bundle in a folder. Throws if the bundle does not have exactly one place for
 * it.
 */
export async function fillRepository(folder: string, repository: string): Promise<void> {
  const places: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const text = name.endsWith(".js") ? await Deno.readTextFile(`${folder}/${name}`) : "";
    for (let count = text.split(EMPTY).length; count > 1; count--) places.push(`${folder}/${name}`);
  }
  const [file] = places;
  if (file === undefined || places.length > 1) {
    throw new Error(`The bundle has ${places.length} places for the name of the repository, not one`);
  }
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace(EMPTY, `var FILLED_IN = ${JSON.stringify(repository)};`));
}

/** The name of the container image in lower case, which registries require. */
export function imageName(repository: string): string {
  return `ghcr.io/${repository.toLowerCase()}`;
}
