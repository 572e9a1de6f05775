import type { Config } from "./schema.ts";

/** Every value of a configuration that must never be shown. */
export function secretsOf(config: Config): string[] {
  const keys = config.endpoints.flatMap(({ backend }) => backend.apiKey ?? []);
  return config.auth.mode === "token" ? [config.auth.token, ...keys] : keys;
}
