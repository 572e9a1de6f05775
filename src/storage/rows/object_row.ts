/** The columns of an object: a background response, a batch and others. */

import type { AwaitedObject, KeptObject } from "../object_store.ts";
import type { Row } from "./row.ts";

/** The columns of an object, and the value of each. */
export const OBJECT_COLUMNS: readonly (
  readonly [column: string, value: (object: AwaitedObject) => string | number | undefined]
)[] = [
  ["endpoint", ({ endpoint }) => endpoint],
  ["object_id", ({ id }) => id],
  ["kind", ({ kind }) => kind],
  ["results_id", ({ resultsId }) => resultsId],
  ["request_id", ({ requestId }) => requestId],
  ["path", ({ path }) => path],
  ["provider", ({ provider }) => provider],
  ["backend", ({ backend }) => backend],
  ["principal", ({ principal }) => principal],
  ["token_id", ({ tokenId }) => tokenId],
  ["project_id", ({ projectId }) => projectId],
  ["client", ({ client }) => client],
  ["model", ({ model }) => model],
  ["tier", ({ tier }) => tier],
  ["model_rules", ({ modelRules }) => JSON.stringify(modelRules)],
  ["reserved_tokens", ({ reservedTokens }) => reservedTokens],
  ["reserved_micros", ({ reservedMicros }) => reservedMicros],
  ["received_bytes", ({ receivedBytes }) => receivedBytes],
  ["provider_account", ({ providerAccount }) => providerAccount],
  ["made_at", ({ madeAt }) => madeAt],
  ["expires_at", ({ expiresAt }) => expiresAt],
];

/** Makes an object of its row. */
export function objectOf(row: Row): KeptObject {
  const text = (column: string) => row[column] === null ? undefined : String(row[column]);
  return {
    endpoint: String(row["endpoint"]),
    id: String(row["object_id"]),
    kind: String(row["kind"]),
    resultsId: text("results_id"),
    requestId: String(row["request_id"]),
    path: String(row["path"]),
    provider: text("provider"),
    backend: text("backend"),
    principal: String(row["principal"]),
    tokenId: text("token_id"),
    projectId: text("project_id"),
    client: String(row["client"]),
    model: text("model"),
    tier: text("tier"),
    modelRules: JSON.parse(String(row["model_rules"])),
    reservedTokens: Number(row["reserved_tokens"]),
    reservedMicros: Number(row["reserved_micros"]),
    receivedBytes: Number(row["received_bytes"]),
    providerAccount: text("provider_account"),
    madeAt: Number(row["made_at"]),
    expiresAt: Number(row["expires_at"]),
    settled: row["settled_at"] === null
      ? undefined
      : { at: Number(row["settled_at"]), micros: Number(row["settled_micros"]) },
  };
}
