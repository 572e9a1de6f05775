/** Reads drafts as the program would read the files, before there are any. */

import { type EnvironmentSources, processSources, readEnvironment } from "../../config/sources/env.ts";
import { loadConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problem.ts";
import type { Config } from "../../config/config.ts";
import { CommandError } from "../command_error.ts";
import type { Draft } from "./drafts.ts";
import type { Plan } from "./plan.ts";

/** A proxy on the way to providers is this machine's, and is not written. */
const MACHINES_OWN = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/** The configuration that the drafts come to. Throws a {@link CommandError} where the program would not start. */
export async function checkDrafts(drafts: readonly Draft[], plan: Plan): Promise<Config> {
  let config: Config;
  try {
    ({ config } = await loadConfig(sourcesOf(drafts, plan.folder, ownGet)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.problems.map(({ origin, message }) => `  ${origin} ${message}`);
    throw new CommandError(
      `Nothing was written: the configuration would not be valid.\n${lines.join("\n")}`,
      2,
    );
  }
  for (const { name, key } of plan.providers) {
    const [backend] = config.endpoints.find((endpoint) => endpoint.name === name)?.backends ?? [];
    const read = backend?.key.mode === "inject" ? backend.key.value : undefined;
    if (read === key) continue;
    throw new CommandError(`Nothing was written: the key of ${name} cannot stand in .env as it is.`);
  }
  return config;
}

/** Variables of this shell that win over the same ones in the drafts, and have other values. */
export async function shadowing(drafts: readonly Draft[], folder: string): Promise<string[]> {
  const written = await readEnvironment(sourcesOf(drafts, folder, () => undefined));
  const together = await readEnvironment(sourcesOf(drafts, folder, processSources.get));
  return [...together.values].flatMap(([name, { value, origin }]) =>
    origin.startsWith("env ") && !MACHINES_OWN.includes(name) && written.values.get(name)?.value !== value
      ? [name]
      : []
  );
}

function ownGet(name: string): string | undefined {
  return MACHINES_OWN.includes(name.toUpperCase()) ? processSources.get(name) : undefined;
}

function sourcesOf(
  drafts: readonly Draft[],
  folder: string,
  get: EnvironmentSources["get"],
): EnvironmentSources {
  return {
    get,
    readTextFile: (path) =>
      drafts.find((draft) => draft.path === path)?.text ?? Deno.readTextFileSync(`${folder}/${path}`),
  };
}
