/** The partitions of the table `exchanges`: one for each month (UTC). Old months are dropped as a whole. */

import type { PostgresPool, Queries } from "./pool.ts";

/** The number of the advisory lock of partitions. */
export const PARTITION_LOCK = 7_808_210_003;

/** A month: a partition and its limits. */
export interface Month {
  /** The name of the table. */
  readonly table: string;
  /** The first millisecond, since 1970. */
  readonly from: number;
  /** The millisecond after the last one, since 1970. */
  readonly to: number;
}

/** The month of a moment in UTC, with the name of its partition. */
export function monthOf(atMs: number): Month {
  const date = new Date(atMs);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const digits = `${String(year).padStart(4, "0")}m${String(month + 1).padStart(2, "0")}`;
  return { table: `exchanges_y${digits}`, from: Date.UTC(year, month), to: Date.UTC(year, month + 1) };
}

/** Creates the partitions of months, and remembers which exist. */
export class Partitions {
  readonly #pool: PostgresPool;
  readonly #known = new Set<string>();

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  /** Creates the missing partitions for exchanges that began at some moments. */
  async create(moments: Iterable<number>): Promise<void> {
    const missing = new Map<string, Month>();
    let last: Month | undefined;
    for (const moment of moments) {
      if (last !== undefined && moment >= last.from && moment < last.to) continue;
      last = monthOf(moment);
      if (!this.#known.has(last.table)) missing.set(last.table, last);
    }
    if (missing.size === 0) return;
    await this.#pool.transaction(async (queries) => {
      const existing = new Set((await monthsIn(queries)).map(({ table }) => table));
      for (const { table, from, to } of missing.values()) {
        if (existing.has(table)) continue;
        await queries.run(
          `CREATE TABLE ${table} PARTITION OF exchanges FOR VALUES FROM (${from}) TO (${to})`,
        );
      }
    }, { begin: `SELECT pg_advisory_xact_lock(${PARTITION_LOCK})` });
    for (const table of missing.keys()) this.#known.add(table);
  }

  /** Forgets which partitions exist, because another program may have dropped one. */
  forget(): void {
    this.#known.clear();
  }
}

/** Lists the months with a partition, the oldest first. */
export async function monthsIn(queries: Queries): Promise<Month[]> {
  const rows = await queries.all(
    `SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
     WHERE inhparent = 'exchanges'::regclass ORDER BY relname`,
  );
  return rows.flatMap((row) => {
    const [, year, month] = /^exchanges_y(\d{4,})m(\d{2})$/.exec(String(row["relname"])) ?? [];
    return year === undefined ? [] : [monthOf(Date.UTC(Number(year), Number(month) - 1))];
  });
}
