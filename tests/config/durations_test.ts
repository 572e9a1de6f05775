import { assertEquals } from "@std/assert";
import {
  durationMs,
  durationText,
  type DurationUnit,
  roundedDurationText,
} from "../../src/config/values/durations.ts";
import { loadConfig } from "../../src/config/load.ts";
import { configSources } from "../support/proxies/config_sources.ts";

/** A text, the unit of a number without a unit, and the milliseconds. */
const READ: readonly (readonly [string, DurationUnit, number])[] = [
  ["30s", "m", 30_000],
  ["5m", "s", 300_000],
  ["1h", "s", 3_600_000],
  ["7d", "s", 604_800_000],
  ["500ms", "s", 500],
  ["1.5 s", "s", 1_500],
  ["30", "s", 30_000],
  ["30", "d", 30 * 86_400_000],
];

for (const [text, unit, ms] of READ) {
  Deno.test(`durations: ${text}, numbers in ${unit}`, () => assertEquals(durationMs(text, unit), ms));
}

for (const text of ["", "soon", "-1s", "1w", "1h30m", "1e3", " 1s", "Infinity", "s"]) {
  Deno.test(`durations: ${JSON.stringify(text)} is not a duration`, () =>
    assertEquals(durationMs(text), NaN));
}

for (
  const [ms, text] of [
    [0, "0s"],
    [500, "500ms"],
    [1_500, "1500ms"],
    [30_000, "30s"],
    [90_000, "90s"],
    [300_000, "5m"],
    [5_400_000, "90m"],
    [86_400_000, "1d"],
    [604_800_000, "7d"],
    [Infinity, "none"],
  ] as const
) {
  Deno.test(`durations: ${ms} ms are formatted as ${text}`, () => {
    assertEquals(durationText(ms), text);
    if (ms !== Infinity) assertEquals(durationMs(text), ms);
  });
}

Deno.test("durations: every setting accepts and shows every unit", async () => {
  const { settings, config } = await loadConfig(configSources({
    PROXY_TOKEN: "a-token-of-some-length",
    MANAGEMENT_TOKEN: "a-token-for-management",
    DRAIN_SECONDS: "2m",
    DRAIN_DELAY_SECONDS: "1500ms",
    RETENTION_DAYS: "30d",
    ADMIN_IDLE_MINUTES: "8h",
    BACKUP_EVERY: "12h",
    QUEUE_TIMEOUT: "1m",
  }, {
    "config.toml": `[server]\nkeep_alive_timeout = 120
[endpoints.openai]\napi_key = "sk-1"\nidle_timeout = "10m"\nkeepalive_comments = 30\n`,
  }));
  const shown = new Map((await settings()).map(({ key, shown }) => [key, shown]));
  assertEquals(
    [
      "server.drain_seconds",
      "management.retention_days",
      "management.admin_idle_minutes",
      "management.backup_every",
      "server.queue_timeout",
      "server.keep_alive_timeout",
      "endpoints.openai.idle_timeout",
      "endpoints.openai.keepalive_comments",
    ].map((key) => shown.get(key)),
    ["2m", "30d", "8h", "12h", "1m", "2m", "10m", "30s"],
  );
  assertEquals([config.server.drainMs, config.server.drainDelayMs], [120_000, 1_500]);
  assertEquals([config.management?.retentionDays, config.management?.adminIdleMs], [30, 8 * 3_600_000]);
});

Deno.test("roundedDurationText: rounds down to a unit of which there are at least two", () => {
  const seconds = [0, 119, 120, 7_199, 7_200, 172_799, 172_800];
  assertEquals(seconds.map((one) => roundedDurationText(one * 1000)), [
    "0s",
    "119s",
    "2m",
    "119m",
    "2h",
    "47h",
    "2d",
  ]);
});
