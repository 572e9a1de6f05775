/** The saved address and token of `llm-proxy run`, in a file that only the user can read. */

import * as v from "valibot";
import { processSources } from "../../config/sources/env.ts";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";
import { exists, replaceFile } from "../files.ts";

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

const savedSchema = v.object({
  url: v.string(),
  token: v.optional(v.string()),
  ca: v.optional(v.string()),
});
/** The content of the file: the address of the proxy, the token, and the path of its `ca.pem`. */
export type SavedProxy = v.InferOutput<typeof savedSchema>;

/** Returns the path of the file. `undefined` if the environment names no home folder. */
export function savedProxyPath(
  get: (name: string) => string | undefined = processSources.get,
): string | undefined {
  if (Deno.build.os === "windows") {
    const folder = get("APPDATA");
    return folder ? `${folder}\\llm-proxy\\client.json` : undefined;
  }
  const configured = get("XDG_CONFIG_HOME");
  const home = get("HOME");
  // By the specification of these variables, a relative path is invalid.
  const folder = configured?.startsWith("/")
    ? configured
    : home?.startsWith("/")
    ? `${home}/.config`
    : undefined;
  return folder && `${folder}/llm-proxy/client.json`;
}

/**
 * Reads the file. Returns `undefined` if the file is missing. Throws a {@link CommandError} if the file is
 * damaged.
 */
export function readSavedProxy(path: string | undefined): SavedProxy | undefined {
  if (path === undefined) return undefined;
  try {
    return v.parse(savedSchema, JSON.parse(Deno.readTextFileSync(path)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    // The message of the parser is left out, because it may quote the token.
    const reason = error instanceof SyntaxError || error instanceof v.ValiError
      ? "it is damaged"
      : messageOf(error);
    throw new CommandError(`Cannot read ${path}: ${reason}. llm-proxy run --forget deletes it.`);
  }
}

/** Writes the file, with a mode that lets only the user read it. */
export function writeSavedProxy(path: string, saved: SavedProxy): void {
  const folder = path.replace(/[/\\][^/\\]*$/, "");
  const isWindows = Deno.build.os === "windows";
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
    if (!isWindows) Deno.chmodSync(folder, FOLDER_MODE);
    // An earlier attempt may have left a file, whose mode would stay.
    if (exists(`${path}.new`)) Deno.removeSync(`${path}.new`);
    replaceFile(path, `${JSON.stringify(saved, null, 2)}\n`, { mode: FILE_MODE });
  } catch (error) {
    throw new CommandError(`Cannot write ${path}: ${messageOf(error)}.`);
  }
}

/** Deletes the file. Returns whether there was one. */
export function forgetProxy(path: string | undefined): boolean {
  if (path === undefined) return false;
  try {
    Deno.removeSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new CommandError(`Cannot delete ${path}: ${messageOf(error)}.`);
  }
}
