/** The configuration of `llm-proxy demo`. */

import {
  DEFAULT_ADMIN_IDLE_MINUTES,
  DEFAULT_BACKEND_SETTINGS,
  DEFAULT_ENDPOINT_SETTINGS,
  DEFAULT_MODELS_REFRESH_MS,
  DEFAULT_RETENTION_DAYS,
  DEFAULT_SERVER_SETTINGS,
} from "../../config/values/defaults.ts";
import { keyFieldOf, PRESETS } from "../../config/values/presets.ts";
import type { Config, Endpoint, ManagementConfig } from "../../config/config.ts";

/** The address of the demo. Other machines cannot reach it, so its tokens and keys are not secret. */
export const HOST = "127.0.0.1";
/** The proxy token of the demo. */
export const DEMO_TOKEN = "demo-token-of-the-proxy";
/** The management token of the demo. */
export const DEMO_MANAGEMENT_TOKEN = "demo-management-token";
/** The keys that the proxy sends to the built-in upstream. */
export const DEMO_KEYS = { openai: "demo-key-of-openai", anthropic: "demo-key-of-anthropic" };

/** Returns the settings for a database in a temporary folder. */
export function demoManagement(folder: string): ManagementConfig {
  return {
    token: DEMO_MANAGEMENT_TOKEN,
    databaseUrl: `sqlite:${folder}/demo.db`,
    // The database is removed at the end of the demo, with all keys that this key encrypts.
    encryptionKey: crypto.getRandomValues(new Uint8Array(32)),
    retentionDays: DEFAULT_RETENTION_DAYS,
    adminIdleMs: DEFAULT_ADMIN_IDLE_MINUTES * 60_000,
    metricsPublic: false,
  };
}

/** Returns the whole configuration, with the ports that the demo chose. */
export function demoConfig(
  { port, adminPort, upstreamPort, management }: {
    port: number;
    adminPort: number;
    upstreamPort: number;
    management: ManagementConfig;
  },
): Config {
  const endpoint = (name: "openai" | "anthropic", path: string): Endpoint => ({
    name,
    dialect: name,
    backends: [{
      name: "demo",
      baseUrl: { origin: `http://${HOST}:${upstreamPort}`, path },
      key: { mode: "inject", value: DEMO_KEYS[name] },
      keyField: keyFieldOf(PRESETS[name]),
      ...DEFAULT_BACKEND_SETTINGS,
    }],
    ...DEFAULT_ENDPOINT_SETTINGS,
    // The prices are high, so that a few requests spend a budget of some cents.
    prices: [{ matches: () => true, input: 100, output: 300 }],
  });
  return {
    server: { host: HOST, port, adminPort, ...DEFAULT_SERVER_SETTINGS, drainMs: 1_000 },
    auth: { mode: "token", tokens: [{ name: "demo", token: DEMO_TOKEN }] },
    endpoints: [endpoint("openai", "/openai/v1"), endpoint("anthropic", "/anthropic")],
    routing: {
      byModel: true,
      routes: [],
      aliases: new Map([["fast", "openai/demo-small"]]),
      refreshMs: DEFAULT_MODELS_REFRESH_MS,
      localRefreshMs: DEFAULT_MODELS_REFRESH_MS,
    },
    log: { level: "info", format: "pretty", access: true },
    management,
  };
}
