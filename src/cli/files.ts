/** Checks and writes files of commands. */

/**
 * Whether a path exists. A symbolic link exists even if its target does not. Throws if the folder is
 * unreadable.
 */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Returns the size of a file in bytes. 0 if the file is missing or unreadable. */
export function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}

/**
 * Writes a file by replacing it with a second file. So a reader gets the old text or the new text, and never
 * a part. Creates the folder if it is missing.
 */
export function replaceFile(path: string, text: string, options: { readonly mode?: number } = {}): void {
  const unfinished = `${path}.new`;
  const folder = path.replace(/[^/\\]*$/, "");
  if (folder !== "") Deno.mkdirSync(folder, { recursive: true });
  try {
    Deno.writeTextFileSync(unfinished, text, options);
    Deno.renameSync(unfinished, path);
  } catch (error) {
    if (exists(unfinished)) Deno.removeSync(unfinished);
    throw error;
  }
}

/** Whether the system, or the permissions of the runtime, denied access to a file. */
export function isAccessDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
}
