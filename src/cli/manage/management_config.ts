/** The management settings and the database of the proxy, for commands that open the database themselves. */

import type { ManagementConfig } from "../../config/config.ts";
import { loadManagement } from "../../config/load.ts";
import { processSources } from "../../config/sources/env.ts";
import { databaseExists } from "../../storage/open.ts";
import { StoreError } from "../../storage/store.ts";
import { CommandError } from "../command_error.ts";
import { configFlags } from "../common_options.ts";

const OFF = "The management API is off: set MANAGEMENT_TOKEN in the environment or in .env. For a proxy on " +
  "another machine: llm-proxy login --url URL";

/**
 * Reads the management settings. Throws a {@link CommandError} with the message `whenOff` if the management
 * API is off.
 */
export async function managementConfig(
  path: string | undefined,
  whenOff: string = OFF,
): Promise<ManagementConfig> {
  return checkOn(await managementSettings(path), whenOff);
}

/** Reads the management settings. Returns `undefined` if the management API is off. */
export async function managementSettings(path: string | undefined): Promise<ManagementConfig | undefined> {
  return await loadManagement(processSources, configFlags(path));
}

/** Throws a {@link CommandError} with the message `whenOff` if the management API is off. */
export function checkOn(config: ManagementConfig | undefined, whenOff: string = OFF): ManagementConfig {
  if (config !== undefined) return config;
  throw new CommandError(whenOff, 2);
}

/** Throws a {@link CommandError} if there is no database. The usual cause is a command in another folder. */
export function checkDatabase({ databaseUrl }: ManagementConfig): void {
  if (databaseExists(databaseUrl)) return;
  throw new CommandError(
    `There is no database at ${databaseUrl}. Run this command in the folder of the proxy, or set DATABASE_URL.\n` +
      "The first start with MANAGEMENT_TOKEN creates the database, and so does llm-proxy project create.",
  );
}

/** Runs work that uses the database, and maps a {@link StoreError} to a {@link CommandError}. */
export async function mapStoreError(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (error instanceof StoreError) throw new CommandError(`Cannot use the database: ${error.message}.`);
    throw error;
  }
}
