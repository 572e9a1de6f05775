/** Writes the files that a client needs for one run, and reads JSON files of the user. */

import { parse } from "jsonc-parser";
import { isObject, type Launch } from "../../connect/launch.ts";
import { messageOf } from "../../text/error_text.ts";
import { writeErr } from "../output.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** Writes the files and links of a launch into a folder. Only the user can read the folder. */
export function writePrivateFiles(folder: string, { files = {}, links = {} }: Launch): void {
  for (const [path, text] of Object.entries(files)) {
    makeParent(`${folder}/${path}`);
    Deno.writeTextFileSync(`${folder}/${path}`, text, { mode: 0o600, createNew: true });
  }
  for (const [path, target] of Object.entries(links)) {
    makeParent(`${folder}/${path}`);
    link(target, `${folder}/${path}`);
  }
}

/** Removes the folder. If that fails, prints a note, because the folder may contain the token. */
export function removePrivateFiles(folder: string): void {
  try {
    Deno.removeSync(folder, { recursive: true });
  } catch (error) {
    writeErr(`Cannot delete ${folder}, which may hold the proxy token: ${messageOf(error)}.\n`);
  }
}

/**
 * Reads a JSON file, with or without comments. Returns `undefined` if the file is missing, or is not an
 * object.
 */
export function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = parse(Deno.readTextFileSync(path), [], { allowTrailingComma: true });
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Lists the names in a folder. Empty if the folder is missing. */
export function listFolder(path: string): readonly string[] {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => name);
  } catch {
    return [];
  }
}

function makeParent(path: string): void {
  Deno.mkdirSync(path.replace(/[/\\][^/\\]*$/, ""), { recursive: true, mode: 0o700 });
}

/**
 * Makes a link to a file or folder. On Windows, a user may make links only to folders, so a file is copied
 * instead.
 */
function link(target: string, path: string): void {
  if (!IS_WINDOWS) return Deno.symlinkSync(target, path);
  if (Deno.statSync(target).isDirectory) Deno.symlinkSync(target, path, { type: "junction" });
  else Deno.copyFileSync(target, path);
}
