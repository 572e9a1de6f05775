/** Reads the table `[management]` and its variables. */

import {
  BUDGET_WINDOWS,
  DEFAULT_ADMIN_IDLE_MINUTES,
  DEFAULT_BACKUP_KEEP,
  DEFAULT_BUDGET_TIME_ZONE,
  DEFAULT_BUDGET_WINDOW,
  DEFAULT_DATABASE_URL,
  DEFAULT_ON_DATABASE_LOSS,
  DEFAULT_ON_LIMITS_LOSS,
  DEFAULT_RETENTION_DAYS,
  ON_LOSS,
} from "../values/defaults.ts";
import { durationText, shownDuration } from "../values/durations.ts";
import { isPostgresUrl, LOCAL_FOLDER, withoutPassword, withPassword } from "../../network/postgres_url.ts";
import type { Resolver } from "./resolver.ts";
import type { ManagementConfig, OnLoss } from "../config.ts";
import { readRedisUrl } from "../../network/redis_url.ts";
import type { VariableName } from "../sources/variables.ts";
import { type Section, sectionReader } from "./section.ts";
import { addressRangeSchema, publicUrlSchema } from "../values/address_values.ts";
import {
  countSchema,
  databaseUrlSchema,
  encryptionKeySchema,
  idleSchema,
  intervalSchema,
  limitsTimeoutSchema,
  limitsUrlSchema,
  managementTokenSchema,
  NO_SHARED_LIMITS,
  retentionSchema,
  secretSchema,
  switchSchema,
  textListSchema,
  textSchema,
  timeZoneSchema,
  wordSchema,
} from "../values/values.ts";

/** The variables of the table `[management]`. */
export const MANAGEMENT_VARIABLES = [
  "MANAGEMENT_ENABLED",
  "MANAGEMENT_TOKEN",
  "DATABASE_URL",
  "PGPASSWORD",
  "ENCRYPTION_KEY",
  "LIMITS_URL",
  "LIMITS_PASSWORD",
  "ON_LIMITS_LOSS",
  "LIMITS_TIMEOUT",
  "ON_DATABASE_LOSS",
  "BUDGET_TIME_ZONE",
  "BUDGET_WINDOW",
  "RETENTION_DAYS",
  "BACKUP_EVERY",
  "BACKUP_KEEP",
  "BACKUP_FOLDER",
  "PRICES_FILE",
  "ADMIN_IDLE_MINUTES",
  "METRICS_PUBLIC",
  "MANAGEMENT_ALLOWED_IPS",
  "PUBLIC_URL",
] as const satisfies readonly VariableName[];
type ManagementVariable = typeof MANAGEMENT_VARIABLES[number];

const DAY_MS = 24 * 3_600_000;

/**
 * Reads the settings of the management plane. Returns undefined if the plane is off: by `enabled`, or without
 * a management token.
 */
export function readManagement(
  resolver: Resolver,
  settings: Section<"management"> | undefined,
): ManagementConfig | undefined {
  const read = sectionReader<Section<"management">, ManagementVariable>(resolver, "management", settings);
  const redacted = (value: unknown) => value === undefined ? "none" : "[redacted]";
  const token = read("token", "MANAGEMENT_TOKEN", managementTokenSchema, undefined, redacted);
  const isEnabled = read("enabled", "MANAGEMENT_ENABLED", switchSchema, token !== undefined);
  const databaseUrl = withPassword(
    read("database_url", "DATABASE_URL", databaseUrlSchema, DEFAULT_DATABASE_URL, withoutPassword),
    resolver.variable("PGPASSWORD", secretSchema)?.value,
  );
  const encryptionKey = read("encryption_key", "ENCRYPTION_KEY", encryptionKeySchema, undefined, redacted);
  const limitsUrl = read("limits_url", "LIMITS_URL", limitsUrlSchema, undefined, shownUrl);
  const limitsPassword = read("limits_password", "LIMITS_PASSWORD", secretSchema, undefined, redacted);
  const onLoss = read("on_limits_loss", "ON_LIMITS_LOSS", wordSchema(ON_LOSS), DEFAULT_ON_LIMITS_LOSS);
  const timeoutMs = read(
    "limits_timeout",
    "LIMITS_TIMEOUT",
    limitsTimeoutSchema,
    undefined,
    shownLimitsTimeout,
  );
  const onDatabaseLoss = read(
    "on_database_loss",
    "ON_DATABASE_LOSS",
    wordSchema(ON_LOSS),
    DEFAULT_ON_DATABASE_LOSS,
  );
  const timeZone = read("budget_time_zone", "BUDGET_TIME_ZONE", timeZoneSchema, DEFAULT_BUDGET_TIME_ZONE);
  const window = read("budget_window", "BUDGET_WINDOW", wordSchema(BUDGET_WINDOWS), DEFAULT_BUDGET_WINDOW);
  const retentionMs = read(
    "retention_days",
    "RETENTION_DAYS",
    retentionSchema,
    DEFAULT_RETENTION_DAYS * DAY_MS,
    durationText,
  );
  const backupEveryMs = read("backup_every", "BACKUP_EVERY", intervalSchema, "none", shownDuration);
  const backupKeep = read("backup_keep", "BACKUP_KEEP", countSchema(1, 1_000), DEFAULT_BACKUP_KEEP);
  const backupFolder = read(
    "backup_folder",
    "BACKUP_FOLDER",
    textSchema,
    `${folderBeside(databaseUrl)}backups`,
  );
  const pricesBeside = `${folderBeside(databaseUrl)}prices.json`;
  const pricesFile = read("prices_file", "PRICES_FILE", textSchema, pricesBeside);
  const adminIdleMs = read(
    "admin_idle_minutes",
    "ADMIN_IDLE_MINUTES",
    idleSchema,
    DEFAULT_ADMIN_IDLE_MINUTES * 60_000,
    durationText,
  );
  const metricsPublic = read("metrics_public", "METRICS_PUBLIC", switchSchema, false);
  const allowedIps = read(
    "allowed_ips",
    "MANAGEMENT_ALLOWED_IPS",
    textListSchema(addressRangeSchema),
    undefined,
  );
  const publicUrl = read("public_url", "PUBLIC_URL", publicUrlSchema, undefined);
  if (!isEnabled) return undefined;
  if (isPostgresUrl(databaseUrl)) checkPostgres(resolver, settings);
  return {
    ...(token !== undefined && { token }),
    databaseUrl,
    ...(encryptionKey && { encryptionKey }),
    onDatabaseLoss,
    budgetPeriods: { timeZone, window },
    ...sharedLimits({ url: limitsUrl, password: limitsPassword, databaseUrl, onLoss, timeoutMs }),
    retentionDays: retentionMs / DAY_MS,
    ...(backupEveryMs !== "none" && {
      backup: { everyMs: backupEveryMs, keep: backupKeep, folder: backupFolder },
    }),
    pricesFile: {
      path: pricesFile,
      isNamed: settings?.prices_file !== undefined || resolver.has("PRICES_FILE"),
    },
    adminIdleMs,
    metricsPublic,
    ...(allowedIps && { allowedIps }),
    ...(publicUrl !== undefined && { publicUrl }),
  };
}

/** Reports what is missing for a PostgreSQL database, and what such a database cannot do. */
function checkPostgres(resolver: Resolver, settings: Section<"management"> | undefined): void {
  if (!resolver.has("ENCRYPTION_KEY") && settings?.encryption_key === undefined) {
    resolver.reportMissing(
      ["management", "encryption_key"],
      "is missing (ENCRYPTION_KEY): with PostgreSQL, all instances need the same key; " +
        "`openssl rand -base64 32` makes one",
    );
  }
  if (resolver.has("BACKUP_EVERY") || settings?.backup_every !== undefined) {
    resolver.report(
      resolver.originOf("BACKUP_EVERY", ["management", "backup_every"]),
      "is not possible with PostgreSQL: back up the database with pg_dump",
    );
  }
}

/** The setting of shared limits. Empty if this process counts alone. */
function sharedLimits(
  { url, password, databaseUrl, onLoss, timeoutMs }: {
    url: string | undefined;
    password: string | undefined;
    databaseUrl: string;
    onLoss: OnLoss;
    timeoutMs: number | undefined;
  },
): Pick<ManagementConfig, "sharedLimits"> {
  // Replicas with one database share their limits, unless the configuration says otherwise.
  const used = url ?? (isPostgresUrl(databaseUrl) ? databaseUrl : NO_SHARED_LIMITS);
  if (used === NO_SHARED_LIMITS) return {};
  const loss = { onLoss, ...timeoutMs !== undefined && { timeoutMs } };
  if (isPostgresUrl(used)) {
    return { sharedLimits: { server: { kind: "postgres", url: withPassword(used, password) }, ...loss } };
  }
  const server = readRedisUrl(used);
  if (server === undefined) return {};
  return {
    sharedLimits: {
      server: { kind: "redis", ...server, ...password !== undefined && { password } },
      ...loss,
    },
  };
}

function shownLimitsTimeout(ms: number | undefined): string {
  return ms === undefined ? "500ms, and 2s for PostgreSQL" : durationText(ms);
}

/** A URL without its password, for people. */
function shownUrl(url: string | undefined): string {
  return url === undefined ? "none" : url.replace(/^([^/]*:\/\/)[^@]*@/, "$1[redacted]@");
}

/** The folder of a SQLite database, or of the files beside another one, with a slash at its end. */
function folderBeside(databaseUrl: string): string {
  if (isPostgresUrl(databaseUrl)) return LOCAL_FOLDER;
  return databaseUrl.replace(/^sqlite:/, "").replace(/[^/\\]*$/, "");
}
