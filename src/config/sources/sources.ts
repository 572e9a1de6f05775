/** Opens the sources of the configuration: the environment, `.env` and the configuration file. */

import { type Environment, type EnvironmentSources, readEnvironment } from "./env.ts";
import type { ConfigFile } from "./file.ts";
import { reasonOf } from "../problem.ts";
import { type Flags, Resolver } from "../read/resolver.ts";

/** The configuration file if neither a flag nor `CONFIG_PATH` names one. */
const DEFAULT_FILE = "config.toml";

/**
 * Reads all sources. Problems go to the resolver. `path` is the path of the configuration file, or undefined
 * if there is no readable file.
 */
export async function openSources(
  sources: EnvironmentSources,
  flags: Flags,
): Promise<{ resolver: Resolver; path: string | undefined; environment: Environment }> {
  const environment = await readEnvironment(sources);
  const named = flags.CONFIG_PATH ?? environment.values.get("CONFIG_PATH");
  const path = named === undefined ? DEFAULT_FILE : named.value ?? undefined;
  let file: ConfigFile | undefined;
  let broken: string | undefined;
  try {
    if (path !== undefined) {
      const text = sources.readTextFile(path);
      // Loaded on demand: most containers have no configuration file.
      const { readConfigFile } = await import("./file.ts");
      file = await readConfigFile(text, { name: path, get: environment.get });
    }
  } catch (error) {
    const isOptional = named === undefined && error instanceof Deno.errors.NotFound;
    const what = named?.origin === path ? "cannot" : `names ${JSON.stringify(path)}, which cannot`;
    if (!isOptional) broken = `${what} be read: ${reasonOf(error)}`;
  }
  const resolver = new Resolver(environment, flags, file, {
    broken: broken === undefined ? undefined : { at: named?.origin ?? DEFAULT_FILE, message: broken },
  });
  return { resolver, path: file && path, environment };
}

/** Resolves a path of the configuration file: a relative path starts at the folder of that file. */
export function resolveBesideConfig(configPath: string | undefined, path: string): string {
  if (configPath === undefined || /^(?:[/\\]|[A-Za-z]:)/.test(path)) return path;
  return configPath.replace(/[^/\\]*$/, "") + path;
}
