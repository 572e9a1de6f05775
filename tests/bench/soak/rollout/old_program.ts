/** Another version of the program: the sources of a commit, which run in a folder beside those of today. */

import { pipedCommand } from "../../../support/processes/proxy_process.ts";

const ROOT = new URL("../../../../", import.meta.url).pathname;

/** Writes the sources of a commit into a folder. Throws if git does not know the commit. */
export async function unpackCommit(commit: string, folder: string): Promise<void> {
  const script = 'git -C "$1" archive "$2" | tar -x -C "$3"';
  const { success, stderr } = await new Deno.Command("bash", {
    args: ["-c", `set -o pipefail; ${script}`, "bash", ROOT, commit, folder],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
}

/** The number of the newest migration of PostgreSQL in sources. */
export async function schemaOf(folder: string): Promise<number> {
  const module: unknown = await import(`file://${folder}/src/storage/postgres/migrations.ts`);
  if (typeof module !== "object" || module === null || !("MIGRATIONS" in module)) {
    throw new TypeError(`${folder} has no migrations`);
  }
  if (!Array.isArray(module.MIGRATIONS)) throw new TypeError("the migrations are not a list");
  return module.MIGRATIONS.length;
}

/** Whether two folders of sources have the same version of shared limits: the same script. */
export async function haveSameLimits(
  folders: readonly [string, string],
  limits: "redis" | "postgres",
): Promise<boolean> {
  const path = { redis: "redis/limits.lua", postgres: "postgres/limits.sql" }[limits];
  const [one, other] = await Promise.all(
    folders.map((folder) => Deno.readTextFile(`${folder}/src/limits/shared/${path}`)),
  );
  return one === other;
}

/** The command that runs the program of a folder of sources. */
export function commandOf(folder: string): (env: Record<string, string>, cwd: string) => Deno.Command {
  const flags = ["--quiet", "--no-prompt", "--config", `${folder}/deno.json`, "-P=run"];
  const command = [Deno.execPath(), "run", ...flags, `${folder}/src/main.ts`];
  return (env, cwd) => pipedCommand(command, env, cwd);
}
