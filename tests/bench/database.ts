/**
 * `deno task bench --database`: the queries of the admin page over a year, in both databases. Linux, because
 * the figures are CPU times.
 */

import { openStore } from "../../src/storage/open.ts";
import { PostgresServer, withoutPostgres } from "../support/processes/postgres_server.ts";
import { aligned } from "./aligned.ts";
import { analysePostgres, fillPostgres, fillSqlite } from "./database/fill.ts";
import { DAY_MS, DAYS } from "./database/made_up.ts";
import { queries } from "./database/queries.ts";
import { ownCpuMs, postgresCpuMs } from "./database/cpu_time.ts";
import { SPENDING_KEPT_MS, SPENDING_ROLLED_MS } from "../../src/storage/booking.ts";
import { described, machine } from "./machine.ts";

const ROUNDS = 5;
/** Not the settings of tests, but those of a small server. */
const SETTINGS = ["shared_buffers = 512MB", "max_wal_size = 4GB", "autovacuum = on"];

/** Fills both databases with so many exchanges of a year, and prints the lowest CPU time of each query. */
export async function benchDatabase(total: number): Promise<void> {
  const folder = await Deno.makeTempDir();
  const now = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  const filling = { total, begin: now - DAYS * DAY_MS };
  const columns: { readonly name: string; readonly times: Map<string, number> }[] = [];
  try {
    const file = `sqlite:${folder}/bench.db`;
    await fillSqlite(file, filling);
    columns.push({
      name: "SQLite",
      times: await measured(file, { now, cpuMs: ownCpuMs, analyse: async () => {} }),
    });
    if (withoutPostgres() === undefined) {
      await using server = await PostgresServer.start({ settings: SETTINGS });
      const url = server.url(await server.takeDatabase());
      await fillPostgres(url, filling);
      columns.push({
        name: "PostgreSQL",
        times: await measured(url, {
          now,
          cpuMs: () => postgresCpuMs(`${server.folder}/data`),
          analyse: () => analysePostgres(url),
        }),
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const lines = [["query, CPU ms", ...columns.map(({ name }) => name)]];
  for (const { name } of queries(now)) {
    lines.push([name, ...columns.map(({ times }) => (times.get(name) ?? NaN).toFixed(0))]);
  }
  console.log(`${aligned(lines, 1).join("\n")}\n\n${described(machine())}`);
}

/**
 * Closes the sums of past days and months, and gives the lowest CPU time of each query in milliseconds: of
 * this process for SQLite, and of the server for PostgreSQL. `analyse` makes the statistics that autovacuum
 * makes within minutes.
 */
async function measured(
  url: string,
  { now, cpuMs, analyse }: { now: number; cpuMs: () => number; analyse: () => Promise<void> },
): Promise<Map<string, number>> {
  const store = await openStore(url);
  try {
    // Several hours of work, because a year of spending is not rolled up at once.
    for (let hour = 0; hour < DAYS * DAY_MS / SPENDING_ROLLED_MS; hour++) {
      await store.prune({ exchangesBefore: 0, hoursBefore: 0, spendingBefore: now - SPENDING_KEPT_MS });
    }
    await analyse();
    const found = new Map<string, number>();
    for (const { name, run } of queries(now)) {
      // The first run fills the cache.
      await run(store);
      let least = Infinity;
      for (let round = 0; round < ROUNDS; round++) {
        const begin = cpuMs();
        await run(store);
        least = Math.min(least, cpuMs() - begin);
      }
      found.set(name, least);
    }
    return found;
  } finally {
    await store.close();
  }
}
