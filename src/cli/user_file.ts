/** Files that a command keeps for its user, in a folder that only the user can read. */

import { processSources } from "../config/sources/env.ts";
import { messageOf } from "../text/error_text.ts";
import { CommandError } from "./command_error.ts";
import { exists, replaceFile } from "./files.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * The path of a file in the user's folder of configuration: `%APPDATA%\llm-proxy` on Windows, and elsewhere
 * `llm-proxy` in `XDG_CONFIG_HOME` or `~/.config`. `undefined` if the environment names no home.
 */
export function userFilePath(
  name: string,
  get: (name: string) => string | undefined = processSources.get,
): string | undefined {
  if (Deno.build.os === "windows") {
    const folder = get("APPDATA");
    return folder ? `${folder}\\llm-proxy\\${name}` : undefined;
  }
  const configured = get("XDG_CONFIG_HOME");
  const home = get("HOME");
  // The specification of these variables says that a relative path is invalid.
  const folder = configured?.startsWith("/")
    ? configured
    : home?.startsWith("/")
    ? `${home}/.config`
    : undefined;
  return folder && `${folder}/llm-proxy/${name}`;
}

/**
 * Writes a file as JSON, with a mode that lets only the user read it. Throws a {@link CommandError} if it
 * cannot be written.
 */
export function writeUserFile(path: string, value: unknown): void {
  const folder = path.replace(/[/\\][^/\\]*$/, "");
  const isWindows = Deno.build.os === "windows";
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
    if (!isWindows) Deno.chmodSync(folder, FOLDER_MODE);
    // A file that an earlier attempt left would keep its mode.
    if (exists(`${path}.new`)) Deno.removeSync(`${path}.new`);
    replaceFile(path, `${JSON.stringify(value, null, 2)}\n`, { mode: FILE_MODE });
  } catch (error) {
    throw new CommandError(`Cannot write ${path}: ${messageOf(error)}.`);
  }
}

/** Deletes a file. Returns whether there was one. Throws a {@link CommandError} if that fails. */
export function deleteUserFile(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new CommandError(`Cannot delete ${path}: ${messageOf(error)}.`);
  }
}
