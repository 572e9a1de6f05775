/** The repository that a release belongs to, as the workflows name it: `OWNER/NAME`. */

const NAME = /^[\w.-]+\/[\w.-]+$/;
/** As `src/release.ts` stands in a bundle. */
const EMPTY = 'var FILLED_IN = "";';

/** The name from an option or build argument, where an empty one means none; throws where it is not one. */
export function repositoryName(value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (!NAME.test(value)) {
    throw new Error(`The repository has to be OWNER/NAME: found ${JSON.stringify(value)}`);
  }
  return value;
}

/** Writes the name into the bundled program in a folder; throws unless there is exactly one place for it. */
export async function fillRepository(folder: string, repository: string): Promise<void> {
  const places: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const text = name.endsWith(".js") ? await Deno.readTextFile(`${folder}/${name}`) : "";
    for (let count = text.split(EMPTY).length; count > 1; count--) places.push(`${folder}/${name}`);
  }
  const [file] = places;
  if (file === undefined || places.length > 1) {
    throw new Error(`The bundle has ${places.length} places for the repository's name, not one`);
  }
  const text = await Deno.readTextFile(file);
  await Deno.writeTextFile(file, text.replace(EMPTY, `var FILLED_IN = ${JSON.stringify(repository)};`));
}

/** The name of the container image; registries take small letters alone. */
export function imageName(repository: string): string {
  return `ghcr.io/${repository.toLowerCase()}`;
}
