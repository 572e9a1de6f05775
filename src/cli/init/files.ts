/** Finds existing files in a folder, and writes new ones. */

import { DEFAULT_DATABASE_URL } from "../../config/values/defaults.ts";
import { VARIABLES } from "../../config/sources/variables.ts";
import { sqlitePath } from "../../storage/open.ts";
import { CommandError } from "../command_error.ts";
import { exists } from "../files.ts";
import { certificatePaths } from "../tls/certificate_files.ts";
import { type Draft, TLS_FOLDER } from "./drafts.ts";
import type { Plan } from "./plan.ts";
import { messageOf } from "../../text/error_text.ts";

/** Throws a {@link CommandError} if the folder already has a configuration. The error names the files. */
export function checkFolder(folder: string): void {
  const existing = [".env", "config.toml"].filter((name) => isPresent(`${folder}/${name}`));
  if (existing.length === 0) return;
  const texts = existing.map((name) =>
    `  ${shown(folder, name)}${name === ".env" ? variablesIn(`${folder}/.env`) : ""}\n`
  );
  throw new CommandError(
    `Nothing was written: there is already a configuration.\n${texts.join("")}` +
      "`llm-proxy check` prints its settings. To create another one, choose a folder with --folder, or move these " +
      "files away.",
  );
}

/**
 * Throws a {@link CommandError} if a database exists, because a new encryption key cannot decrypt the
 * provider keys in it.
 */
export function checkDatabase({ folder, access }: Plan): void {
  const path = sqlitePath(DEFAULT_DATABASE_URL);
  if (access !== "managed tokens" || !isPresent(`${folder}/${path}`)) return;
  throw new CommandError(
    `Nothing was written: ${shown(folder, path.replace(/^\.\//, ""))} is the database of an earlier proxy. ` +
      "A new ENCRYPTION_KEY cannot decrypt the provider keys in it. Choose another folder with --folder, or write " +
      ".env yourself with the old ENCRYPTION_KEY.",
  );
}

/**
 * Whether a folder has a certificate of `llm-proxy tls init`. Throws a {@link CommandError} if only some of
 * its files exist.
 */
export function hasCertificate(folder: string): boolean {
  const paths = Object.values(certificatePaths(TLS_FOLDER));
  const existing = paths.filter((path) => isPresent(`${folder}/${path}`));
  const { certificate, key } = certificatePaths(TLS_FOLDER);
  if (existing.includes(certificate) && existing.includes(key)) return true;
  if (existing.length === 0) return false;
  throw new CommandError(
    `Nothing was written: ${existing.map((path) => shown(folder, path)).join(" and ")} ` +
      "exists, but other files of the certificate are missing. Run `llm-proxy tls renew`, or move the files away.",
  );
}

/** Writes all drafts, or none if one fails. It overwrites no file. Returns their paths. */
export function writeDrafts(drafts: readonly Draft[], folder: string): string[] {
  const written: string[] = [];
  try {
    for (const { path, text, mode } of drafts) {
      const target = `${folder}/${path}`;
      Deno.mkdirSync(target.replace(/[/][^/]*$/, ""), { recursive: true });
      Deno.writeTextFileSync(target, text, { mode, createNew: true });
      written.push(target);
    }
  } catch (error) {
    for (const path of written) Deno.removeSync(path);
    const reason = error instanceof Deno.errors.AlreadyExists
      ? "another program created one of these files at the same time"
      : messageOf(error);
    throw new CommandError(`Nothing was written: ${reason}.`);
  }
  return drafts.map(({ path }) => shown(folder, path));
}

/** Returns a path in a folder for people, without `./` at the start. */
export function shown(folder: string, path: string): string {
  const trimmed = folder.replace(/(?<=.)[/\\]+$/, "");
  return trimmed === "." ? path : `${trimmed}/${path}`;
}

/**
 * Returns the known variables in a `.env` file, without their values. Other lines may contain anything, so
 * they are left out.
 */
function variablesIn(path: string): string {
  try {
    const known: readonly string[] = VARIABLES.flatMap((name) => [name, `${name}_FILE`]);
    const text = Deno.readTextFileSync(path);
    const names = [...text.matchAll(/^\s*(?:export\s+)?([A-Z_]+)\s*=/gm)].flatMap(([, name = ""]) =>
      known.includes(name) ? [name] : []
    );
    return names.length === 0 ? "" : `, which sets ${names.join(", ")}`;
  } catch {
    return ", which is not readable";
  }
}

function isPresent(path: string): boolean {
  try {
    return exists(path);
  } catch (error) {
    throw new CommandError(`Cannot access ${path}: ${messageOf(error)}.`);
  }
}
