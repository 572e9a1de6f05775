/** Writes exchanges, their sums, their spending and the counts of their tokens to PostgreSQL. */

import { type ColumnKind, EXCHANGE_COLUMN_LIST, type StoredValue } from "../exchange_columns.ts";
import { spendingOf, type SpendingSum } from "../rows/spending_sums.ts";
import { countToken, type TokenCount } from "../rows/token_counts.ts";
import { DAY_MS, KEY_COLUMNS, SUM_COLUMNS, type UsageGroup, UsageGroups } from "../rows/usage_sums.ts";
import type { ExchangeRow } from "../store.ts";
import type { Queries } from "./pool.ts";
import { storedJson } from "./stored_text.ts";

/** The type of a column in the list of columns that JSON is read with. */
function typeOf(kind: ColumnKind): string {
  switch (kind) {
    case "integer":
    case "time":
      return "bigint";
    case "real":
      return "double precision";
    case "boolean":
      return "boolean";
    default:
      return "text";
  }
}

const NAMES = EXCHANGE_COLUMN_LIST.map(({ column }) => column).join(", ");
// One value with all rows costs less than one for each value of each row.
const INSERT = `INSERT INTO exchanges (${NAMES}) SELECT ${NAMES} FROM json_to_recordset($1) AS rows (${
  EXCHANGE_COLUMN_LIST.map(({ column, kind }) => `${column} ${typeOf(kind)}`).join(", ")
}) ON CONFLICT DO NOTHING RETURNING request_id, settlement`;

const KEY_TYPES = KEY_COLUMNS.map((name) => `${name} ${name === "start" ? "bigint" : "text"}`);
const USAGE_SUMS = SUM_COLUMNS.map((name) =>
  `${name} ${name === "duration_ms" ? "double precision" : "bigint"}`
);
const BUCKET_KEYS = [...KEY_TYPES, "bucket bigint"];
/**
 * The tables of sums, in the order in which all programs add to them. Within a table they do it in the order
 * of the keys. So none of them waits for another in a circle.
 */
const SUM_TABLES: readonly SumTable[] = [
  { table: "spending", keys: ["start bigint", "subject text", "dated boolean"], sums: ["micros bigint"] },
  { table: "usage", keys: KEY_TYPES, sums: USAGE_SUMS },
  { table: "usage_days", keys: KEY_TYPES, sums: USAGE_SUMS },
  { table: "first_bytes", keys: BUCKET_KEYS, sums: ["requests bigint"] },
  { table: "first_bytes_days", keys: BUCKET_KEYS, sums: ["requests bigint"] },
  { table: "first_bytes_total", keys: ["start bigint", "bucket bigint"], sums: ["requests bigint"] },
];
/**
 * Adds to all sums and to the counts of tokens in one round trip. Each part reads the number of rows of the
 * part before, because PostgreSQL would otherwise choose their order. The tokens are locked in the order of
 * their ids, because other transactions keep it too.
 */
const ADD = `WITH ${SUM_TABLES.map(adding).join(", ")},
  counts AS (
    SELECT * FROM json_to_recordset($${SUM_TABLES.length + 1})
      AS rows (id text, count bigint, last_used_at bigint)
  ), locked AS (
    SELECT id FROM tokens WHERE id IN (SELECT id FROM counts) AND ${after(SUM_TABLES.length)}
    ORDER BY id FOR NO KEY UPDATE
  )
  UPDATE tokens SET request_count = request_count + counts.count,
    last_used_at = greatest(tokens.last_used_at, counts.last_used_at)
  FROM counts JOIN locked USING (id) WHERE tokens.id = counts.id`;

/**
 * Writes exchanges. Those that the database has already are left out, also of the sums: a batch whose
 * connection broke is written again, and it is unknown whether it was kept. Call it within a transaction.
 */
export async function insertExchanges(queries: Queries, rows: readonly ExchangeRow[]): Promise<void> {
  if (rows.length === 0) return;
  const json = storedJson(rows.map(valuesOf));
  const added = addedRows(rows, await queries.all(INSERT, [json]));
  if (added.length === 0) return;
  const groups = new UsageGroups();
  const tokens = new Map<string, TokenCount>();
  for (const row of added) {
    groups.add(row);
    countToken(row, tokens);
  }
  const counts = [...tokens].map(([id, { count, lastUsedAt }]) => ({ id, count, last_used_at: lastUsedAt }));
  const sums = [spendingRows(spendingOf(added)), ...sumRows(sortedGroups(groups.all())), counts];
  await queries.run(ADD, sums.map((part) => storedJson(part)));
}

/** The values of a row by column. What is undefined is missing, and so becomes NULL. */
function valuesOf(row: ExchangeRow): Record<string, StoredValue | string> {
  const values: Record<string, StoredValue | string> = {};
  for (const { column, kind, value } of EXCHANGE_COLUMN_LIST) {
    const one = value(row);
    if (one !== undefined) values[column] = kind === "attempts" ? storedJson(one) : wholeNumber(one, kind);
  }
  return values;
}

/** Columns of whole numbers reject fractions, which SQLite would reject too. */
function wholeNumber(value: StoredValue, kind: ColumnKind): StoredValue {
  return kind === "time" && typeof value === "number" ? Math.trunc(value) : value;
}

/** The rows that were inserted. Of two with the same key, the first one was. */
function addedRows(
  rows: readonly ExchangeRow[],
  returned: readonly Record<string, unknown>[],
): ExchangeRow[] {
  if (returned.length === rows.length) return [...rows];
  const ids = new Map<string, number>();
  for (const row of returned) {
    if (row["settlement"] === "settled") continue;
    const id = String(row["request_id"]);
    ids.set(id, (ids.get(id) ?? 0) + 1);
  }
  return rows.filter(({ requestId, settlement }) => {
    // These rows never conflict: the object that they settle is settled once.
    if (settlement === "settled") return true;
    const left = ids.get(requestId) ?? 0;
    ids.set(requestId, left - 1);
    return left > 0;
  });
}

/** The rows for the tables of sums, but for spending, in the order of {@link SUM_TABLES}. */
function sumRows(groups: readonly UsageGroup[]): Record<string, unknown>[][] {
  const both = [groups, daysOf(groups)];
  const totals = new Map<string, { start: number; bucket: number; requests: number }>();
  for (const { start, firstBytes } of groups) {
    for (const [bucket, requests] of firstBytes) {
      const name = `${start} ${bucket}`;
      const before = totals.get(name)?.requests ?? 0;
      totals.set(name, { start, bucket, requests: before + requests });
    }
  }
  return [
    ...both.map((parts) => parts.map(({ start, key, sums }) => rowOf({ start, key, sums }))),
    ...both.map((parts) =>
      parts.flatMap(({ start, key, firstBytes }) =>
        bucketsOf(firstBytes).map(([bucket, requests]) => ({ ...keyOf(start, key), bucket, requests }))
      )
    ),
    [...totals.values()].sort((one, other) => one.start - other.start || one.bucket - other.bucket),
  ];
}

/** The sums of the hours of each day. A statement cannot add to one row twice. */
function daysOf(groups: readonly UsageGroup[]): UsageGroup[] {
  const days = new Map<string, UsageGroup>();
  for (const { start, key, sums, firstBytes } of groups) {
    const day = start - start % DAY_MS;
    const name = nameOf(day, key);
    const found = days.get(name);
    if (found === undefined) {
      days.set(name, { start: day, key, sums: sums.slice(), firstBytes: new Map(firstBytes) });
      continue;
    }
    for (const [index, sum] of sums.entries()) found.sums[index] = (found.sums[index] ?? 0) + sum;
    for (const [bucket, requests] of firstBytes) {
      found.firstBytes.set(bucket, (found.firstBytes.get(bucket) ?? 0) + requests);
    }
  }
  return sortedGroups(days.values());
}

function sortedGroups(groups: Iterable<UsageGroup>): UsageGroup[] {
  return [...groups].map((group) => ({ group, name: nameOf(group.start, group.key) }))
    .sort((one, other) => one.name < other.name ? -1 : 1).map(({ group }) => group);
}

function nameOf(start: number, key: readonly string[]): string {
  return `${String(start).padStart(16, "0")}\0${key.join("\0")}`;
}

function bucketsOf(firstBytes: ReadonlyMap<number, number>): [bucket: number, requests: number][] {
  return [...firstBytes].sort(([one], [other]) => one - other);
}

function rowOf({ start, key, sums }: Pick<UsageGroup, "start" | "key" | "sums">): Record<string, unknown> {
  return {
    ...keyOf(start, key),
    ...Object.fromEntries(SUM_COLUMNS.map((name, index) => [name, sums[index] ?? 0])),
  };
}

function keyOf(start: number, key: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(KEY_COLUMNS.map((name, index) => [name, index === 0 ? start : key[index - 1]]));
}

function spendingRows(sums: Iterable<SpendingSum>): Record<string, unknown>[] {
  return [...sums].map(({ start, subject, isDated, micros }) => ({ start, subject, dated: isDated, micros }))
    .sort((one, other) =>
      one.start - other.start || (one.subject < other.subject ? -1 : one.subject > other.subject ? 1 : 0) ||
      Number(one.dated) - Number(other.dated)
    );
}

/** A table of sums. Each column has its type. */
interface SumTable {
  readonly table: string;
  readonly keys: readonly string[];
  readonly sums: readonly string[];
}

/** The part of a statement that adds sums to those of a table, after the part before. */
function adding({ table, keys, sums }: SumTable, index: number): string {
  const namesOf = (columns: readonly string[]) => columns.map((column) => column.split(" ")[0] ?? "");
  const names = namesOf([...keys, ...sums]).join(", ");
  const added = namesOf(sums).map((name) => `${name} = ${table}.${name} + excluded.${name}`).join(", ");
  return `part_${index + 1} AS (
    INSERT INTO ${table} (${names})
    SELECT ${names} FROM json_to_recordset($${index + 1}) AS rows (${[...keys, ...sums].join(", ")})
    WHERE ${after(index)}
    ON CONFLICT (${namesOf(keys).join(", ")}) DO UPDATE SET ${added} RETURNING 1)`;
}

/** The condition that is true after a part, given by its number from 1 on. */
function after(part: number): string {
  return part === 0 ? "true" : `(SELECT count(*) FROM part_${part}) >= 0`;
}
