/** Reads what the database has in the end. */

import type { PostgresServer } from "../../../support/processes/postgres_server.ts";

/** An exchange in the database. */
export interface BookRow {
  readonly requestId: string;
  readonly providerRequestId: string | undefined;
  readonly tokenId: string | undefined;
  readonly isAdmitted: boolean;
  readonly status: number;
  readonly ending: string;
  readonly outputTokens: number;
  readonly micros: number;
  /** When it was committed, in milliseconds since 1970 by the clock of this machine. */
  readonly writtenAt: number;
}

/** What is summed. */
export interface Totals {
  readonly requests: number;
  readonly outputTokens: number;
  readonly micros: number;
}

/** All that is compared. */
export interface Books {
  readonly rows: readonly BookRow[];
  /** The sums by hour, and by day. */
  readonly sums: readonly { readonly table: string; readonly totals: Totals }[];
  /** By the ids of tokens. */
  readonly requestCounts: ReadonlyMap<string, number>;
  /** What tokens spent, by their ids. In micro-dollars. */
  readonly spending: ReadonlyMap<string, number>;
}

/** Reads it all. */
export async function readBooks(postgres: PostgresServer, database: string): Promise<Books> {
  const ask = (sql: string) => postgres.admin(sql, database);
  const rows = await ask(
    `SELECT request_id, provider_request_id, token_id, admitted, status, ending,
      coalesce(output_tokens, 0) AS output, coalesce(cost_micros, 0) AS micros,
      extract(epoch FROM pg_xact_commit_timestamp(xmin)) * 1000 AS written FROM exchanges`,
  );
  const sums = [];
  for (const table of ["usage", "usage_days"]) {
    const [row = {}] = await ask(
      `SELECT sum(requests) AS requests, sum(output_tokens) AS output, sum(cost_micros) AS micros FROM ${table}`,
    );
    sums.push({ table, totals: totalsOf(row) });
  }
  const counts = await ask("SELECT id, request_count FROM tokens");
  const spending = await ask(
    "SELECT substr(subject, 7) AS id, sum(micros) AS micros FROM spending WHERE subject LIKE 'token:%' GROUP BY 1",
  );
  return {
    rows: rows.map((row) => ({
      requestId: String(row["request_id"]),
      providerRequestId: textOf(row["provider_request_id"]),
      tokenId: textOf(row["token_id"]),
      isAdmitted: row["admitted"] === true,
      status: Number(row["status"]),
      ending: String(row["ending"]),
      outputTokens: Number(row["output"]),
      micros: Number(row["micros"]),
      writtenAt: Number(row["written"]),
    })),
    sums,
    requestCounts: new Map(counts.map((row) => [String(row["id"]), Number(row["request_count"])])),
    spending: new Map(spending.map((row) => [String(row["id"]), Number(row["micros"])])),
  };
}

/** The sums of rows. */
export function totalsOfRows(rows: readonly BookRow[]): Totals {
  return rows.reduce((sum, { outputTokens, micros }) => ({
    requests: sum.requests + 1,
    outputTokens: sum.outputTokens + outputTokens,
    micros: sum.micros + micros,
  }), { requests: 0, outputTokens: 0, micros: 0 });
}

function totalsOf(row: Readonly<Record<string, unknown>>): Totals {
  return {
    requests: Number(row["requests"]),
    outputTokens: Number(row["output"]),
    micros: Number(row["micros"]),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
