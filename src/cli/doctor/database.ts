import type { ManagementConfig } from "../../config/config.ts";
import { type Inspection, inspectStore } from "../../storage/inspect.ts";
import { isThere, keyFileOf, sqlitePath } from "../../storage/open.ts";
import { readKeyFile, sealsKeys } from "../../storage/open_box.ts";
import { StoreError } from "../../storage/store.ts";
import { type Finding, findingsOf } from "./finding.ts";

const database = findingsOf("database");
const key = findingsOf("encryption key");

const RESTORE = "llm-proxy restore FILE goes back to a backup, and keeps what is there";

/** Checks the database, and whether the encryption key fits it. Changes nothing. */
export async function checkDatabase(management: ManagementConfig): Promise<Finding[]> {
  const { databaseUrl } = management;
  const path = sqlitePath(databaseUrl);
  if (!isThere(databaseUrl)) return [database.ok(`there is none at ${path} yet: the first start makes it`)];
  try {
    const inspection = await inspectStore(databaseUrl);
    return [...stateOf(path, inspection), ...await checkKey(management, inspection)];
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return [database.problem(error.message, error.kind === "corrupt" ? RESTORE : undefined)];
  }
}

function stateOf(path: string, { damage, schema, newestSchema, isInUse }: Inspection): Finding[] {
  if (damage.length > 0) return [database.problem(`${path} is damaged: ${damage.join("; ")}`, RESTORE)];
  if (schema > newestSchema) {
    return [database.problem(
      `${path} is of a newer llm-proxy (schema ${schema}, this one knows ${newestSchema})`,
      "use that version or a later one",
    )];
  }
  const version = schema < newestSchema ? `, which the next start brings up to ${newestSchema}` : "";
  const use = isInUse ? "a running program has it open" : "nobody has it open";
  return [database.ok(`${path} is whole, with schema ${schema}${version}; ${use}`)];
}

async function checkKey(
  { databaseUrl, encryptionKey }: ManagementConfig,
  { sealed }: Inspection,
): Promise<Finding[]> {
  const file = keyFileOf(databaseUrl);
  const which = encryptionKey === undefined ? `the key in ${file}` : "ENCRYPTION_KEY";
  const advice = "put the key of before back: keep it with each backup of the database";
  try {
    const found = encryptionKey ?? readKeyFile(file);
    if (sealed === undefined) return [key.ok("it has sealed nothing yet")];
    if (found === undefined) return [key.problem(`the key file ${file} is missing`, advice)];
    return await sealsKeys(found, sealed)
      ? [key.ok(`${which} is the one that seals the provider keys in the database`)]
      : [key.problem(`${which} is not the one that seals the provider keys in the database`, advice)];
  } catch (error) {
    if (error instanceof StoreError) return [key.problem(error.message, advice)];
    throw error;
  }
}
