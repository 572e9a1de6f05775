/** Endpoints and backends with default settings. */

import { DEFAULT_BACKEND_SETTINGS, DEFAULT_ENDPOINT_SETTINGS } from "../../../src/config/values/defaults.ts";
import type { Backend, Endpoint } from "../../../src/config/config.ts";

export function testBackend(origin: string, options: Partial<Backend> & { path?: string } = {}): Backend {
  const { path = "", ...rest } = options;
  return {
    name: new URL(origin).host,
    baseUrl: { origin, path },
    key: { mode: "passthrough" },
    keyField: "authorization",
    ...DEFAULT_BACKEND_SETTINGS,
    ...rest,
  };
}

export function testEndpoint(
  name: string,
  backends: readonly Backend[],
  options: Partial<Endpoint> = {},
): Endpoint {
  const { retry } = DEFAULT_ENDPOINT_SETTINGS;
  return {
    name,
    dialect: "openai",
    backends,
    ...DEFAULT_ENDPOINT_SETTINGS,
    retry: { ...retry, retries: backends.length - 1 },
    ...options,
  };
}
