/** Checks drafts by reading them as the program would read the files. */

import { type EnvironmentSources, processSources, readEnvironment } from "../../config/sources/env.ts";
import { loadConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problem.ts";
import type { Config } from "../../config/config.ts";
import { CommandError } from "../command_error.ts";
import type { Draft } from "./drafts.ts";
import type { Plan } from "./plan.ts";

/**
 * Variables for outbound proxies. They are settings of the machine, so they are used for the check and not
 * written.
 */
const MACHINE_VARIABLES = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"];

/**
 * Loads the configuration of the drafts. Throws a {@link CommandError} if the program could not start with
 * it.
 */
export async function checkDrafts(drafts: readonly Draft[], plan: Plan): Promise<Config> {
  let config: Config;
  try {
    ({ config } = await loadConfig(sourcesOf(drafts, plan.folder, machineVariable)));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.problems.map(({ origin, message }) => `  ${origin} ${message}`);
    throw new CommandError(
      `Nothing was written: the configuration would be invalid.\n${lines.join("\n")}`,
      2,
    );
  }
  for (const { name, key } of plan.providers) {
    const [backend] = config.endpoints.find((endpoint) => endpoint.name === name)?.backends ?? [];
    const read = backend?.key.mode === "inject" ? backend.key.value : undefined;
    if (read === key) continue;
    throw new CommandError(`Nothing was written: .env cannot hold the key of ${name}.`);
  }
  return config;
}

/** Returns the variables of this shell that override the drafts with other values. */
export async function shadowing(drafts: readonly Draft[], folder: string): Promise<string[]> {
  const written = await readEnvironment(sourcesOf(drafts, folder, () => undefined));
  const together = await readEnvironment(sourcesOf(drafts, folder, processSources.get));
  return [...together.values].flatMap(([name, { value, origin }]) =>
    origin.startsWith("env ") && !MACHINE_VARIABLES.includes(name) &&
      written.values.get(name)?.value !== value
      ? [name]
      : []
  );
}

function machineVariable(name: string): string | undefined {
  return MACHINE_VARIABLES.includes(name.toUpperCase()) ? processSources.get(name) : undefined;
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
