/** Runs work of `people/work.ts` on a connection to SQLite. */

import type { SQLInputValue } from "node:sqlite";
import type { Outcome, Statement, Value, Work } from "../people/work.ts";
import { insertAudit } from "./audit_table.ts";
import type { Connection } from "./connection.ts";

/** Runs work in the transaction of the caller, or each statement by itself. */
export function runWork<Result>(database: Connection, work: Work<Result>): Result {
  let step = work.next();
  while (step.done !== true) {
    let outcome: Outcome = { rows: [], changes: 0 };
    if (step.value.kind === "audit") insertAudit(database, step.value.entry);
    else outcome = run(database, step.value);
    step = work.next(outcome);
  }
  return step.value;
}

function run(database: Connection, { kind, sql, values }: Statement): Outcome {
  // A transaction that writes has the whole database.
  if (kind === "lock") return { rows: [], changes: 0 };
  // The driver does not number its placeholders, so a value that is used twice is bound twice.
  const bound: SQLInputValue[] = [];
  const text = sql.replaceAll(/\$(\d+)/g, (_, index) => {
    bound.push(stored(values[Number(index) - 1] ?? null));
    return "?";
  });
  if (kind === "read") return { rows: database.all(text, ...bound), changes: 0 };
  return { rows: [], changes: database.run(text, ...bound).changes };
}

function stored(value: Value): SQLInputValue {
  return typeof value === "boolean" ? Number(value) : value;
}
