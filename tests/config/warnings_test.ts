import { assertEquals } from "@std/assert";
import { configWarnings } from "../../src/config/warnings.ts";
import { DEFAULT_SERVER_SETTINGS } from "../../src/config/values/defaults.ts";
import type { Config } from "../../src/config/config.ts";
import { testBackend, testEndpoint } from "../support/proxies/config.ts";

Deno.test("warnings: unknown_objects without the management plane", () => {
  const config = (unknownObjects: "allow" | "reject"): Config => ({
    server: { ...DEFAULT_SERVER_SETTINGS, host: "127.0.0.1", port: 0 },
    auth: { mode: "token", tokens: [{ name: "shared", token: "x".repeat(40) }] },
    endpoints: [testEndpoint("openai", [testBackend("http://a.test")], { unknownObjects })],
    log: { level: "info", format: "json", access: false },
  });
  assertEquals(configWarnings(config("allow")), []);
  assertEquals(configWarnings(config("reject")), [
    "unknown_objects of openai has no effect without the management plane (MANAGEMENT_TOKEN)",
  ]);
  const management = { token: "m", databaseUrl: "", retentionDays: 1, adminIdleMs: 1, metricsPublic: false };
  assertEquals(configWarnings({ ...config("reject"), management }), []);
});
