/** Opens what the configuration is read from: environment, `.env` and file. */

import { type Environment, type EnvironmentSources, readEnvironment } from "./env.ts";
import type { ConfigFile } from "./file.ts";
import { reasonOf } from "../problem.ts";
import { type Flags, Resolver } from "../read/resolver.ts";

/** The file that is read where none is named. */
const USUAL_FILE = "config.toml";

/** Reads all sources. What is wrong with them is a problem of the resolver's. */
export async function openSources(
  sources: EnvironmentSources,
  flags: Flags,
): Promise<{ resolver: Resolver; path: string | undefined; environment: Environment }> {
  const environment = await readEnvironment(sources);
  const named = flags.CONFIG_PATH ?? environment.values.get("CONFIG_PATH");
  const path = named === undefined ? USUAL_FILE : named.value ?? undefined;
  let file: ConfigFile | undefined;
  let broken: string | undefined;
  try {
    if (path !== undefined) {
      const text = sources.readTextFile(path);
      // Loaded only where it is needed: most containers are configured by their environment alone.
      const { readConfigFile } = await import("./file.ts");
      file = await readConfigFile(text, { name: path, get: environment.get });
    }
  } catch (error) {
    const isUsual = named === undefined && error instanceof Deno.errors.NotFound;
    const what = named?.origin === path ? "cannot" : `names ${JSON.stringify(path)}, which cannot`;
    if (!isUsual) broken = `${what} be read: ${reasonOf(error)}`;
  }
  const resolver = new Resolver(environment, flags, file, {
    broken: broken === undefined ? undefined : { at: named?.origin ?? USUAL_FILE, message: broken },
  });
  return { resolver, path: file && path, environment };
}

/** A path as it is written in the configuration file: relative to the file's folder. */
export function resolveBesideConfig(configPath: string | undefined, path: string): string {
  if (configPath === undefined || /^(?:[/\\]|[A-Za-z]:)/.test(path)) return path;
  return configPath.replace(/[^/\\]*$/, "") + path;
}
