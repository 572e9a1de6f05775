/** What a database holds, read by another program than the proxy. */

import { DatabaseSync } from "node:sqlite";

/** The exchanges of a database, and its sums over them. */
export interface Recorded {
  /** Of all exchanges, in the order of their writing. */
  readonly requestIds: readonly string[];
  readonly exchangeBytes: number;
  /** By the sums that usage is read from. */
  readonly summedRequests: number;
  readonly summedBytes: number;
  /** What all tokens together have counted. */
  readonly tokenRequests: number;
  /** How many of the exchanges were by a managed token. */
  readonly ofTokens: number;
  /** SQLite's own opinion: `ok`. */
  readonly integrity: string;
}

/** Reads all of it. */
export function readRecorded(path: string): Recorded {
  const database = new DatabaseSync(path);
  try {
    const number = (sql: string) => Number(Object.values(database.prepare(sql).get() ?? {})[0] ?? 0);
    return {
      requestIds: database.prepare("SELECT request_id FROM exchanges ORDER BY seq").all().map((row) =>
        String(row["request_id"])
      ),
      exchangeBytes: number("SELECT sum(bytes) FROM exchanges"),
      summedRequests: number("SELECT sum(requests) FROM usage"),
      summedBytes: number("SELECT sum(bytes) FROM usage"),
      tokenRequests: number("SELECT sum(request_count) FROM tokens"),
      ofTokens: number("SELECT count(*) FROM exchanges WHERE token_id IS NOT NULL AND admitted"),
      integrity: database.prepare("PRAGMA integrity_check").all().map((row) => String(row["integrity_check"]))
        .join(", "),
    };
  } finally {
    database.close();
  }
}
