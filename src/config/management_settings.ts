/** The table `[management]`: what switches the management plane on, and where it keeps its data. */

import { DEFAULT_ADMIN_IDLE_MINUTES, DEFAULT_DATABASE_URL, DEFAULT_RETENTION_DAYS } from "./defaults.ts";
import type { Resolver } from "./resolver.ts";
import type { ManagementConfig } from "./schema.ts";
import { type Section, sectionReader } from "./section.ts";
import { addressRangeSchema } from "./address_values.ts";
import {
  countSchema,
  databaseUrlSchema,
  encryptionKeySchema,
  managementTokenSchema,
  switchSchema,
  textListSchema,
} from "./values.ts";

/** Undefined: it is off. */
export function readManagement(
  resolver: Resolver,
  settings: Section<"management"> | undefined,
): ManagementConfig | undefined {
  const read = sectionReader(resolver, "management", settings);
  const redacted = (value: unknown) => value === undefined ? "none" : "[redacted]";
  const token = read("token", "MANAGEMENT_TOKEN", managementTokenSchema, undefined, redacted);
  const databaseUrl = read("database_url", "DATABASE_URL", databaseUrlSchema, DEFAULT_DATABASE_URL);
  const encryptionKey = read("encryption_key", "ENCRYPTION_KEY", encryptionKeySchema, undefined, redacted);
  const retentionDays = read(
    "retention_days",
    "RETENTION_DAYS",
    countSchema(1, 36_500),
    DEFAULT_RETENTION_DAYS,
  );
  const adminIdleMinutes = read(
    "admin_idle_minutes",
    "ADMIN_IDLE_MINUTES",
    countSchema(1, 7 * 24 * 60),
    DEFAULT_ADMIN_IDLE_MINUTES,
  );
  const metricsPublic = read("metrics_public", "METRICS_PUBLIC", switchSchema, false);
  const allowedIps = read(
    "allowed_ips",
    "MANAGEMENT_ALLOWED_IPS",
    textListSchema(addressRangeSchema),
    undefined,
  );
  if (token === undefined) return undefined;
  return {
    token,
    databaseUrl,
    ...(encryptionKey && { encryptionKey }),
    retentionDays,
    adminIdleMs: adminIdleMinutes * 60_000,
    metricsPublic,
    ...(allowedIps && { allowedIps }),
  };
}
