/** Compares what the shared counts have of each budget in the end with what the database has. */

import { versionedNames } from "../../../../src/limits/shared/postgres/versioned_names.ts";
import { defaultPrefix } from "../../../../src/limits/shared/redis/redis_server.ts";
import type { PostgresServer } from "../../../support/processes/postgres_server.ts";
import type { RedisServer } from "../../../support/processes/redis_server.ts";
import type { Books } from "./books.ts";
import type { Verdict } from "./judge.ts";
import { type Billed, costOf } from "./provider.ts";
import type { SoakToken } from "./tokens.ts";

/** What the shared counts have spent, by the ids of tokens. In micro-dollars. */
export type Counts = ReadonlyMap<string, number>;

/** Reads the shared counts of tokens. Those that were lost and not needed again are left out. */
export async function readCounts(
  { postgres, database, redis }: {
    postgres: PostgresServer;
    database: string;
    redis: RedisServer | undefined;
  },
  ids: readonly string[],
): Promise<Counts> {
  const counts = new Map<string, number>();
  const [versioned, prefix] = await Promise.all([versionedNames(), defaultPrefix()]);
  for (const id of ids) {
    if (redis === undefined) {
      const sql = `SELECT total FROM limit_ledgers WHERE seeded AND key = 'token:${id}'`;
      const [row] = await postgres.admin(versioned(sql), database);
      if (row !== undefined) counts.set(id, Number(row["total"]));
      continue;
    }
    const ledger = `${prefix}l:token:${id}`;
    if (!(await redis.send(`HGET ${ledger} seeded`)).startsWith("$1")) continue;
    counts.set(id, Number((await redis.send(`HGET ${ledger} total`)).split("\r\n")[1]));
  }
  return counts;
}

/** Judges them: they are those of the database. What was lost by kills may count too. */
export function judgeCounts(
  tokens: readonly SoakToken[],
  { counts, books, bill, lost }: {
    counts: Counts;
    books: Books;
    bill: ReadonlyMap<number, Billed>;
    lost: ReadonlySet<number>;
  },
): Verdict {
  const verdict: Verdict = { problems: [], figures: [] };
  for (const { id, name } of tokens) {
    const counted = counts.get(id);
    if (counted === undefined) continue;
    const spent = books.spending.get(id) ?? 0;
    const lostMicros = [...bill.values()].filter((one) => one.token === name && lost.has(one.serial))
      .reduce((sum, { serial }) => sum + costOf(serial), 0);
    const text = `${name}: the shared counts have ${counted} micro-dollars, the database ${spent}`;
    verdict.figures.push(text);
    if (counted < spent || counted > spent + lostMicros) verdict.problems.push(text);
  }
  return verdict;
}
