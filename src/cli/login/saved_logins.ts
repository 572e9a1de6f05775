/**
 * The logins of `llm-proxy login`, one for each address of a proxy, in a file that only the user can read.
 * The server does not read it.
 */

import * as v from "valibot";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";
import { deleteUserFile, userFilePath, writeUserFile } from "../user_file.ts";

const loginSchema = v.object({
  token: v.string(),
  token_id: v.string(),
  person: v.nullable(v.string()),
  expires_at: v.string(),
  ca: v.optional(v.string()),
});
const fileSchema = v.object({ logins: v.record(v.string(), loginSchema) });

/**
 * A login at a proxy: the management token with its id, the person who confirmed (null for the holder of
 * MANAGEMENT_TOKEN), the end, and the path of the `ca.pem` of the proxy.
 */
export type SavedLogin = v.InferOutput<typeof loginSchema>;

/** The path of the file. Throws a {@link CommandError} if the environment names no home. */
export function loginsPath(): string {
  const path = userFilePath("logins.json");
  if (path !== undefined) return path;
  const variables = Deno.build.os === "windows" ? "APPDATA" : "XDG_CONFIG_HOME or HOME";
  throw new CommandError(`There is no folder for the login: set ${variables}.`);
}

/** All logins, by the address of the proxy. Throws a {@link CommandError} if the file is damaged. */
export function savedLogins(): ReadonlyMap<string, SavedLogin> {
  const path = userFilePath("logins.json");
  if (path === undefined) return new Map();
  try {
    return new Map(Object.entries(v.parse(fileSchema, JSON.parse(Deno.readTextFileSync(path))).logins));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Map();
    // The message of the parser may quote the token.
    const reason = error instanceof SyntaxError || error instanceof v.ValiError
      ? "it is damaged"
      : messageOf(error);
    throw new CommandError(`Cannot read ${path}: ${reason}. Delete it, and log in again.`);
  }
}

/** Saves the login at a proxy in place of an earlier one. */
export function saveLogin(url: string, login: SavedLogin): void {
  write(new Map([...savedLogins(), [url, login]]));
}

/** Removes the login at a proxy. The file is deleted with its last login. */
export function forgetLogin(url: string): void {
  const logins = new Map(savedLogins());
  logins.delete(url);
  write(logins);
}

function write(logins: ReadonlyMap<string, SavedLogin>): void {
  const path = loginsPath();
  if (logins.size === 0) deleteUserFile(path);
  else writeUserFile(path, { logins: Object.fromEntries(logins) });
}

/**
 * The address under which a login is saved: without a slash at its end. Throws a {@link CommandError} if the
 * text is not the address of a proxy.
 */
export function loginAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isUsable = url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" &&
    url.password === "" && url.search === "" && url.hash === "";
  // The message does not repeat the text, because it may hold a password.
  if (!isUsable) throw new CommandError("--url: is not an address like https://proxy.lan:33000", 2);
  return url.href.replace(/\/+$/, "");
}

/** The only login, with its address. Throws a {@link CommandError} if there are several. */
export function onlyLogin(): readonly [url: string, login: SavedLogin] | undefined {
  const [only, ...others] = savedLogins();
  if (others.length === 0 || only === undefined) return only;
  const urls = [...savedLogins().keys()].join(", ");
  throw new CommandError(`You are logged in at several proxies: ${urls}. Name one: --url URL`, 2);
}
