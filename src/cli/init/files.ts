/** Finds the files that a folder has already, and writes those that it has not. */

import { DEFAULT_DATABASE_URL } from "../../config/values/defaults.ts";
import { VARIABLES } from "../../config/sources/variables.ts";
import { sqlitePath } from "../../storage/open.ts";
import { CommandError } from "../command_error.ts";
import { certificatePaths } from "../tls.ts";
import { type Draft, TLS_FOLDER } from "./drafts.ts";
import type { Plan } from "./plan.ts";

/** Throws a {@link CommandError} where a configuration is there already, and says what it is. */
export function checkFolder(folder: string): void {
  const found = [".env", "config.toml"].filter((name) => exists(`${folder}/${name}`));
  if (found.length === 0) return;
  const texts = found.map((name) =>
    `  ${shown(folder, name)}${name === ".env" ? variablesIn(`${folder}/.env`) : ""}\n`
  );
  throw new CommandError(
    `Nothing was written: there is a configuration already.\n${texts.join("")}` +
      "`llm-proxy check` shows what it comes to. To make another one, name another folder with --folder, or move " +
      "these files away first.",
  );
}

/** Throws a {@link CommandError} where the new key would not fit the provider keys of an earlier database. */
export function checkDatabase({ folder, access }: Plan): void {
  const path = sqlitePath(DEFAULT_DATABASE_URL.replace(/^sqlite:/, ""));
  if (access !== "managed tokens" || !exists(`${folder}/${path}`)) return;
  throw new CommandError(
    `Nothing was written: ${
      shown(folder, path.replace(/^\.\//, ""))
    } is there already, the database of an earlier ` +
      "proxy. A new ENCRYPTION_KEY would not open the provider keys in it. Name another folder with --folder, or " +
      "write .env by hand with the ENCRYPTION_KEY of before.",
  );
}

/**
 * Whether `llm-proxy tls init` has made a certificate in a folder. Throws a {@link CommandError} where half of it
 * is there.
 */
export function hasCertificate(folder: string): boolean {
  const paths = Object.values(certificatePaths(TLS_FOLDER));
  const found = paths.filter((path) => exists(`${folder}/${path}`));
  const { certificate, key } = certificatePaths(TLS_FOLDER);
  if (found.includes(certificate) && found.includes(key)) return true;
  if (found.length === 0) return false;
  throw new CommandError(
    `Nothing was written: ${found.map((path) => shown(folder, path)).join(" and ")} ` +
      "exists without the rest of a certificate. `llm-proxy tls renew` completes it; or move it away first.",
  );
}

/** Writes all of the drafts or none, never in place of a file. Gives their paths. */
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
      : error instanceof Error
      ? error.message
      : String(error);
    throw new CommandError(`Nothing was written: ${reason}.`);
  }
  return drafts.map(({ path }) => shown(folder, path));
}

/** A path as a person would write it. */
export function shown(folder: string, path: string): string {
  const trimmed = folder.replace(/(?<=.)[/\\]+$/, "");
  return trimmed === "." ? path : `${trimmed}/${path}`;
}

/** Names alone, and only those that are known: a line may hold anything. */
function variablesIn(path: string): string {
  try {
    const known: readonly string[] = VARIABLES.flatMap((name) => [name, `${name}_FILE`]);
    const text = Deno.readTextFileSync(path);
    const names = [...text.matchAll(/^\s*(?:export\s+)?([A-Z_]+)\s*=/gm)].flatMap(([, name = ""]) =>
      known.includes(name) ? [name] : []
    );
    return names.length === 0 ? "" : `, which sets ${names.join(", ")}`;
  } catch {
    return ", which cannot be read";
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new CommandError(`Cannot look at ${path}: ${error instanceof Error ? error.message : error}.`);
  }
}
