/** Writes the name of the repository into `install.sh`. */

const PLACE = "\nREPOSITORY=''\n";

/**
 * Returns the text of `install.sh` for the releases of one repository (`OWNER/NAME`). Throws if the script
 * does not have exactly one place for the name.
 */
export async function installScript(repository: string): Promise<string> {
  const text = await Deno.readTextFile(new URL("install.sh", import.meta.url));
  const parts = text.split(PLACE);
  if (parts.length !== 2) throw new Error("install.sh has no single place for the repository's name");
  return parts.join(`\nREPOSITORY='${repository}'\n`);
}
