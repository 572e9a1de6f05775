/** The checks of the database and of the encryption key. */

import type { ManagementConfig } from "../../config/config.ts";
import { inspectStore } from "../../storage/inspect.ts";
import type { Inspection } from "../../storage/inspection.ts";
import { isPostgresUrl } from "../../network/postgres_url.ts";
import { databaseExists, keyFileOf, shownDatabase, sqlitePath } from "../../storage/open.ts";
import { isKeyOfStore, NO_KEY, readKeyFile } from "../../storage/open_box.ts";
import { StoreError } from "../../storage/store.ts";
import { type Finding, findingsOf } from "./finding.ts";

const database = findingsOf("database");
const key = findingsOf("encryption key");

const POOLED =
  "a pooler such as PgBouncer is in front of it. The proxy asks for changes of tokens twice a second there, " +
  "because notifications do not pass a pooler";
const RESTORE = "restore a backup with llm-proxy restore FILE, which keeps the old files";

/**
 * Checks the database, and whether the encryption key decrypts the provider keys in it. It changes nothing.
 */
export async function checkDatabase(management: ManagementConfig): Promise<Finding[]> {
  const { databaseUrl } = management;
  const path = isPostgresUrl(databaseUrl) ? shownDatabase(databaseUrl) : sqlitePath(databaseUrl);
  if (!databaseExists(databaseUrl)) {
    return [database.ok(`there is no database at ${path} yet; the first start creates it`)];
  }
  try {
    const inspection = await inspectStore(databaseUrl);
    return [...stateOf(path, inspection), ...await checkKey(management, inspection)];
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return [database.problem(error.message, error.kind === "corrupt" ? RESTORE : undefined)];
  }
}

function stateOf(
  path: string,
  { damage, schema, newestSchema, worksSince, isInUse, isPooled }: Inspection,
): Finding[] {
  if (damage.length > 0) return [database.problem(`${path} is damaged: ${damage.join("; ")}`, RESTORE)];
  if (worksSince > newestSchema) {
    return [database.problem(
      `${path} is of a newer llm-proxy (schema ${schema}; this version knows ${newestSchema})`,
      "use that version of llm-proxy or a later one",
    )];
  }
  const upgrade = schema < newestSchema ? `; the next start upgrades it to ${newestSchema}` : "";
  const use = isInUse ? "a running program has it open" : "no program has it open";
  const pooled = isPooled ? [database.ok(POOLED)] : [];
  return [database.ok(`${path} is intact, with schema ${schema}${upgrade}; ${use}`), ...pooled];
}

async function checkKey(
  { databaseUrl, encryptionKey }: ManagementConfig,
  { sealed }: Inspection,
): Promise<Finding[]> {
  const file = keyFileOf(databaseUrl);
  if (file === undefined && encryptionKey === undefined) return [key.problem(NO_KEY)];
  const which = encryptionKey === undefined ? `the key in ${file}` : "ENCRYPTION_KEY";
  const advice = "restore the previous key; keep the key with each backup of the database";
  try {
    const usedKey = encryptionKey ?? (file === undefined ? undefined : readKeyFile(file));
    if (sealed === undefined) return [key.ok("the database has no provider keys to decrypt")];
    if (usedKey === undefined) return [key.problem(`the key file ${file} is missing`, advice)];
    return await isKeyOfStore(usedKey, sealed)
      ? [key.ok(`${which} decrypts the provider keys in the database`)]
      : [key.problem(`${which} does not decrypt the provider keys in the database`, advice)];
  } catch (error) {
    if (error instanceof StoreError) return [key.problem(error.message, advice)];
    throw error;
  }
}
