/** What a copy needs of a database. */

import type { CopiedRow, CopiedTable } from "./tables.ts";

/** The number of rows of a table, and the sums of some of its columns. */
export interface TableTotals {
  readonly rows: number;
  /** By the name of the column. */
  readonly sums: Readonly<Record<string, number>>;
}

/** The tables of a database, for a copy. Every method throws a `StoreError`. */
export interface TableAccess {
  /** The database for users, without a password. */
  readonly place: string;
  /**
   * Reads the rows after a row, in the order of the key of the table. `undefined` reads from the first row.
   */
  readonly read: (
    table: CopiedTable,
    from: { after: CopiedRow | undefined; limit: number },
  ) => Promise<CopiedRow[]>;
  /** Writes rows, and the note on the copy, in one transaction. */
  readonly write: (table: CopiedTable, rows: readonly CopiedRow[], note: string) => Promise<void>;
  /** Counts and sums the rows. The note on the copy does not count. */
  readonly totals: (table: CopiedTable) => Promise<TableTotals>;
  /** Reads the note on the copy. */
  readonly note: () => Promise<string | undefined>;
  /** Removes the note on the copy, and lets later rows have higher numbers than the copied ones. */
  readonly finish: (tables: readonly CopiedTable[]) => Promise<void>;
  readonly close: () => Promise<void>;
}
