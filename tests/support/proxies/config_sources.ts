import type { EnvironmentSources } from "../../../src/config/sources/env.ts";

/** An environment and files that a test writes down. */
export function configSources(
  env: Record<string, string | undefined>,
  files: Record<string, string> = {},
): EnvironmentSources {
  return {
    get: (name) => env[name],
    readTextFile(path) {
      const text = files[path];
      if (text === undefined) throw new Deno.errors.NotFound(path);
      return text;
    },
  };
}
