/** Runs work of `people/work.ts` on a connection to PostgreSQL. */

import type { Outcome, Statement, Work } from "../people/work.ts";
import { insertAudit } from "./audit_table.ts";
import type { Queries } from "./pool.ts";
import { storedText } from "./stored_text.ts";

/** Runs work in the transaction of the caller, or each statement by itself. */
export async function runWork<Result>(queries: Queries, work: Work<Result>): Promise<Result> {
  let step = work.next();
  while (step.done !== true) {
    let outcome: Outcome = { rows: [], changes: 0 };
    if (step.value.kind === "audit") await insertAudit(queries, step.value.entry);
    else outcome = await run(queries, step.value);
    step = work.next(outcome);
  }
  return step.value;
}

async function run(queries: Queries, { kind, sql, values }: Statement): Promise<Outcome> {
  const bound = values.map((value) => typeof value === "string" ? storedText(value) : value);
  if (kind !== "write") return { rows: await queries.all(sql, bound), changes: 0 };
  return { rows: [], changes: await queries.run(sql, bound) };
}
