/** Makes tokens of their rows. */

import type { Token } from "../access_store.ts";
import type { Row } from "./row.ts";
import { bytes, flag, number, optional, rulesOf, text } from "./row_values.ts";

/** Makes a token of its row. */
export function tokenOf(row: Row): Token {
  return {
    id: text(row, "id"),
    projectId: text(row, "project_id"),
    ownerId: row["owner_id"] === null ? undefined : text(row, "owner_id"),
    name: text(row, "name"),
    hash: bytes(row, "hash"),
    suffix: text(row, "suffix"),
    previous: row["previous_hash"] === null
      ? undefined
      : { hash: bytes(row, "previous_hash"), expiresAt: number(row, "previous_expires_at") },
    active: flag(row, "active"),
    revokedAt: optional(row, "revoked_at"),
    expiresAt: optional(row, "expires_at"),
    rules: rulesOf(row),
    requestCount: number(row, "request_count"),
    lastUsedAt: optional(row, "last_used_at"),
    createdAt: number(row, "created_at"),
    updatedAt: number(row, "updated_at"),
    version: number(row, "version"),
  };
}
