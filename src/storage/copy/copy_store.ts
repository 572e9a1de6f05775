/** Copies everything from one database to another. */

import { isPostgresUrl } from "../../network/postgres_url.ts";
import { databaseExists, postgresUrlOf, shownDatabase, sqlitePath } from "../open.ts";
import { StoreError } from "../store.ts";
import type { TableAccess, TableTotals } from "./table_access.ts";
import { COPIED_TABLES, type CopiedRow, type CopiedTable } from "./tables.ts";

/** How many rows a transaction writes. */
const ROWS_AT_ONCE = 2_000;
/** Sums of times have fractions, which depend on the order of the rows. */
const TOLERANCE = 1e-9;

/** How far a copy is, after each batch of rows. */
export interface CopyProgress {
  readonly table: string;
  readonly rows: number;
  /** The rows of all tables of the source. */
  readonly total: number;
}

/** A copied table, with the number of its rows in both databases. */
export interface CopiedCount {
  readonly table: string;
  readonly rows: number;
}

/** What the note in the target says of an unfinished copy. */
interface CopyState {
  readonly from: string;
  readonly table: string;
  /** The last row that was written. */
  readonly after: CopiedRow;
}

/**
 * Copies all tables into an empty database, or continues an interrupted copy. Then compares the numbers of
 * rows and the sums of both databases. Throws a {@link StoreError}. No program may use one of the databases
 * meanwhile.
 */
export async function copyStore(
  { from, to, onProgress }: { from: string; to: string; onProgress: (progress: CopyProgress) => void },
): Promise<CopiedCount[]> {
  if (shownDatabase(from) === shownDatabase(to)) {
    throw new StoreError("failed", "both URLs name the same database");
  }
  if (!databaseExists(from)) throw new StoreError("failed", `there is no database at ${shownDatabase(from)}`);
  const source = await openTables(from);
  try {
    const target = await openTables(to);
    try {
      return await copyTables(source, target, onProgress);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

async function openTables(url: string): Promise<TableAccess> {
  if (isPostgresUrl(url)) {
    const { openPostgresTables } = await import("./postgres_tables.ts");
    return await openPostgresTables(postgresUrlOf(url));
  }
  const { openSqliteTables } = await import("./sqlite_tables.ts");
  return openSqliteTables(sqlitePath(url));
}

async function copyTables(
  source: TableAccess,
  target: TableAccess,
  onProgress: (progress: CopyProgress) => void,
): Promise<CopiedCount[]> {
  const state = await stateOf(source, target);
  const expected = new Map<string, TableTotals>();
  for (const table of COPIED_TABLES) expected.set(table.name, await source.totals(table));
  const total = [...expected.values()].reduce((sum, { rows }) => sum + rows, 0);
  let done = 0;
  const begin = COPIED_TABLES.findIndex(({ name }) => name === state?.table);
  for (const [index, table] of COPIED_TABLES.entries()) {
    const tableRows = expected.get(table.name)?.rows ?? 0;
    if (index >= begin) {
      const after = index === begin ? state?.after : undefined;
      await copyTable(table, {
        source,
        target,
        after,
        onRows: (rows) => {
          onProgress({ table: table.name, rows: Math.min(done + rows, total), total });
        },
      });
    }
    done += tableRows;
  }
  for (const table of COPIED_TABLES) {
    compare(table, { expected: expected.get(table.name), found: await target.totals(table), target });
  }
  await target.finish(COPIED_TABLES);
  return COPIED_TABLES.map(({ name }) => ({ table: name, rows: expected.get(name)?.rows ?? 0 }));
}

/** The state of an interrupted copy. Throws if the target has other content. */
async function stateOf(source: TableAccess, target: TableAccess): Promise<CopyState | undefined> {
  if (await source.note() !== undefined) {
    throw new StoreError("failed", `${source.place} is the target of an unfinished copy`);
  }
  const note = await target.note();
  if (note !== undefined) {
    // Only this module writes the note.
    const state = JSON.parse(note) as CopyState;
    if (state.from === source.place) return state;
    throw new StoreError(
      "failed",
      `${target.place} has an unfinished copy of another database, ${state.from}`,
    );
  }
  for (const table of COPIED_TABLES) {
    const { rows } = await target.totals(table);
    if (rows === 0) continue;
    throw new StoreError("failed", `${target.place} is not empty: it has ${rows} rows in ${table.name}`);
  }
  return undefined;
}

async function copyTable(
  table: CopiedTable,
  { source, target, after, onRows }: {
    source: TableAccess;
    target: TableAccess;
    after: CopiedRow | undefined;
    onRows: (rows: number) => void;
  },
): Promise<void> {
  let count = 0;
  for (let last = after;;) {
    const rows = await source.read(table, { after: last, limit: ROWS_AT_ONCE });
    const end = rows.at(-1);
    if (end === undefined) return;
    const state: CopyState = { from: source.place, table: table.name, after: end };
    await target.write(table, rows, JSON.stringify(state));
    last = end;
    count += rows.length;
    onRows(count);
  }
}

function compare(
  { name, sums }: CopiedTable,
  { expected, found, target }: {
    expected: TableTotals | undefined;
    found: TableTotals;
    target: TableAccess;
  },
): void {
  const values = [
    ["rows", expected?.rows ?? 0, found.rows] as const,
    ...sums.map((sum) => [sum, expected?.sums[sum] ?? 0, found.sums[sum] ?? 0] as const),
  ];
  for (const [what, one, other] of values) {
    if (Math.abs(one - other) <= TOLERANCE * Math.abs(one)) continue;
    throw new StoreError(
      "failed",
      `the copy is not equal: ${name} has ${what} ${one}, and ${target.place} has ${other}. Empty ` +
        `${target.place} and copy again, while no program uses the databases`,
    );
  }
}
