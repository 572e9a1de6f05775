/**
 * The tables that a copy from one database to another has. Both adapters have the same tables and columns.
 */

import { EXCHANGE_COLUMN_LIST } from "../exchange_columns.ts";
import { OBJECT_COLUMNS } from "../rows/object_row.ts";
import { KEY_COLUMNS, SUM_COLUMNS } from "../rows/usage_sums.ts";

/** What a column holds. The databases have different types for some of them. */
export type CopiedKind = "text" | "integer" | "real" | "boolean" | "bytes";

/** A column of a copied table. */
export interface CopiedColumn {
  readonly name: string;
  readonly kind: CopiedKind;
}

/** A table that a copy has, with what it needs to read and to compare it. */
export interface CopiedTable {
  readonly name: string;
  readonly columns: readonly CopiedColumn[];
  /** The columns that order the rows. No two rows have the same values in them. */
  readonly key: readonly string[];
  /** The columns whose sums are compared after the copy. */
  readonly sums: readonly string[];
}

/** A value as both databases know it; bytes are hexadecimal. */
export type CopiedValue = string | number | boolean | null;
/** The values of a row, in the order of the columns of its table. */
export type CopiedRow = readonly CopiedValue[];

/** The name of the note in the target that says how far an unfinished copy is. */
export const COPY_NOTE = "store_copy";

const KINDS: readonly CopiedKind[] = ["text", "integer", "real", "boolean", "bytes"];
const USAGE_KEY = columns("start:integer", ...KEY_COLUMNS.slice(1));
const FIRST_BYTES = {
  columns: [...USAGE_KEY, ...columns("bucket:integer", "requests:integer")],
  key: [...KEY_COLUMNS, "bucket"],
  sums: ["requests"],
};
const USAGE = {
  columns: [
    ...USAGE_KEY,
    ...SUM_COLUMNS.map((name) => ({ name, kind: name === "duration_ms" ? "real" : "integer" } as const)),
  ],
  key: KEY_COLUMNS,
  sums: ["requests", "admitted", "errors", "input_tokens", "output_tokens", "cost_micros", "bytes"],
};

/** All tables, in an order in which a row comes after those that it refers to. */
export const COPIED_TABLES: readonly CopiedTable[] = [
  {
    name: "projects",
    columns: columns(
      ...["seq:integer", "id", "name", "active:boolean", "rules"],
      ...["created_at:integer", "updated_at:integer", "version:integer"],
    ),
    key: ["seq"],
    sums: ["version"],
  },
  {
    name: "project_keys",
    columns: columns("project_id", "endpoint", "sealed:bytes", "suffix"),
    key: ["project_id", "endpoint"],
    sums: [],
  },
  {
    name: "tokens",
    columns: columns(
      ...["seq:integer", "id", "project_id", "name", "hash:bytes", "suffix", "previous_hash:bytes"],
      ...[
        "previous_expires_at:integer",
        "active:boolean",
        "revoked_at:integer",
        "expires_at:integer",
        "rules",
      ],
      ...["request_count:integer", "last_used_at:integer", "created_at:integer", "updated_at:integer"],
      ...["version:integer", "owner_id", "owner_left:boolean"],
    ),
    key: ["seq"],
    sums: ["request_count", "version"],
  },
  { name: "account_names", columns: columns("token_id", "name"), key: ["token_id"], sums: [] },
  { name: "token_owners", columns: columns("token_id", "owner_id"), key: ["token_id"], sums: [] },
  {
    name: "people",
    columns: columns(
      ...["seq:integer", "id", "login", "name", "role", "all_projects:boolean", "disabled:boolean"],
      ...["provider", "subject", "passphrase", "created_at:integer", "updated_at:integer", "version:integer"],
    ),
    key: ["seq"],
    sums: ["version"],
  },
  {
    name: "person_projects",
    columns: columns("person_id", "project_id"),
    key: ["person_id", "project_id"],
    sums: [],
  },
  {
    name: "sessions",
    columns: columns(
      ...["seq:integer", "id", "hash:bytes", "person_id", "credential", "way", "created_at:integer"],
      ...["used_at:integer", "proven_at:integer", "address", "browser", "ended_at:integer"],
    ),
    key: ["seq"],
    sums: ["used_at"],
  },
  {
    name: "management_tokens",
    columns: columns(
      ...["seq:integer", "id", "name", "hash:bytes", "suffix", "role", "projects", "expires_at:integer"],
      ...[
        "person_id",
        "last_used_at:integer",
        "made_by",
        "created_at:integer",
        "revoked_at:integer",
        "maker_id",
      ],
    ),
    key: ["seq"],
    sums: [],
  },
  {
    name: "directory_users",
    columns: columns(
      ...["seq:integer", "id", "provider", "user_name", "user_key", "external_id", "active:boolean"],
      ...[
        "details",
        "person_id",
        "has_disabled:boolean",
        "created_at:integer",
        "updated_at:integer",
        "version:integer",
      ],
    ),
    key: ["seq"],
    sums: ["version"],
  },
  {
    name: "directory_addresses",
    columns: columns("user_id", "address", "kind"),
    key: ["address", "user_id", "kind"],
    sums: [],
  },
  {
    name: "directory_groups",
    columns: columns(
      ...["seq:integer", "id", "provider", "display_name", "group_key", "external_id"],
      ...["created_at:integer", "updated_at:integer", "version:integer"],
    ),
    key: ["seq"],
    sums: ["version"],
  },
  {
    name: "directory_members",
    columns: columns("group_id", "user_id"),
    key: ["group_id", "user_id"],
    sums: [],
  },
  {
    name: "invitations",
    columns: columns("seq:integer", "hash:bytes", "person_id", "expires_at:integer", "used_at:integer"),
    key: ["seq"],
    sums: [],
  },
  {
    name: "device_logins",
    columns: columns(
      ...["seq:integer", "id", "device_hash:bytes", "user_hash:bytes", "machine", "address", "address_group"],
      ...["lifetime_ms:integer", "created_at:integer", "expires_at:integer", "interval_ms:integer"],
      ...["polled_at:integer", "state", "person_id", "person_version:integer", "decided_by"],
    ),
    key: ["seq"],
    sums: ["expires_at"],
  },
  {
    name: "passkeys",
    columns: columns(
      ...["seq:integer", "id", "person_id", "credential_id", "public_key:bytes", "counter:integer"],
      ...["transports", "rp_id", "name", "synced:boolean", "created_at:integer", "last_used_at:integer"],
      "blocked_at:integer",
    ),
    key: ["seq"],
    sums: ["counter"],
  },
  {
    name: "used_challenges",
    columns: columns("challenge", "expires_at:integer"),
    key: ["challenge"],
    sums: [],
  },
  { name: "notes", columns: columns("name", "value"), key: ["name"], sums: [] },
  {
    name: "audit",
    columns: columns("seq:integer", "at:integer", "actor", "source", "action", "subject_id", "changes"),
    key: ["seq"],
    sums: [],
  },
  {
    name: "exchanges",
    columns: [
      { name: "seq", kind: "integer" },
      ...EXCHANGE_COLUMN_LIST.map(({ column, kind }) => ({ name: column, kind: kindOf(kind) })),
    ],
    key: ["seq"],
    sums: ["input_tokens", "output_tokens", "cost_micros", "bytes"],
  },
  { name: "usage", ...USAGE },
  { name: "usage_days", ...USAGE },
  { name: "first_bytes", ...FIRST_BYTES },
  { name: "first_bytes_days", ...FIRST_BYTES },
  {
    name: "first_bytes_total",
    columns: columns("start:integer", "bucket:integer", "requests:integer"),
    key: ["start", "bucket"],
    sums: ["requests"],
  },
  {
    name: "spending",
    columns: columns("start:integer", "subject", "dated:boolean", "micros:integer"),
    key: ["start", "subject", "dated"],
    sums: ["micros"],
  },
  {
    name: "objects",
    columns: [
      ...OBJECT_COLUMNS.map(([name]) => ({
        name,
        kind: /^(?:reserved_|received_|made_at|expires_at)/.test(name) ? "integer" : "text",
      } as const)),
      ...columns("settled_at:integer", "settled_micros:integer", "changed_at:integer"),
    ],
    key: ["endpoint", "object_id"],
    sums: ["settled_micros", "reserved_micros"],
  },
  {
    name: "made_objects",
    columns: columns(
      ...["account", "object_id", "backend", "maker", "project_id", "made_at:integer", "expires_at:integer"],
    ),
    key: ["object_id", "account"],
    sums: [],
  },
  {
    name: "object_makers",
    columns: columns("account", "maker", "project_id"),
    key: ["account", "maker"],
    sums: [],
  },
];

/** Columns from texts like `seq:integer`. Text is the kind of those without one. */
function columns(...texts: readonly string[]): CopiedColumn[] {
  return texts.map((text) => {
    const [name = "", kind = "text"] = text.split(":");
    return { name, kind: KINDS.find((one) => one === kind) ?? "text" };
  });
}

function kindOf(kind: typeof EXCHANGE_COLUMN_LIST[number]["kind"]): CopiedKind {
  if (kind === "time") return "integer";
  return KINDS.find((one) => one === kind) ?? "text";
}
