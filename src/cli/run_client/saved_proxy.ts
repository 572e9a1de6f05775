/** The saved address and token of `llm-proxy run`, in a file that only the user can read. */

import * as v from "valibot";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";
import { deleteUserFile, userFilePath, writeUserFile } from "../user_file.ts";

const savedSchema = v.object({
  url: v.string(),
  token: v.optional(v.string()),
  ca: v.optional(v.string()),
});
/** The content of the file: the address of the proxy, the token, and the path of its `ca.pem`. */
export type SavedProxy = v.InferOutput<typeof savedSchema>;

/** Returns the path of the file. `undefined` if the environment names no home folder. */
export function savedProxyPath(get?: (name: string) => string | undefined): string | undefined {
  return userFilePath("client.json", get);
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
  writeUserFile(path, saved);
}

/** Deletes the file. Returns whether there was one. */
export function forgetProxy(path: string | undefined): boolean {
  return path !== undefined && deleteUserFile(path);
}
