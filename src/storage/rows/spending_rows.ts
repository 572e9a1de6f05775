/** Reads spending: the SQL that both databases know, and its rows. */

import type { Spending } from "../store.ts";
import type { Row } from "./row.ts";
import type { SqlDialect } from "./usage_source.ts";

/**
 * The query of spending, with one row for each subject. A row for each hour would cost several times as much.
 * Hours from before `from`, in milliseconds since 1970, are only in the sum. `subjects` is the SQL of a list:
 * the subjects of the query. `undefined` for all.
 */
export function spendingStatement(
  from: number,
  { joined }: Pick<SqlDialect, "joined">,
  subjects: string | undefined,
): string {
  const hours = joined("start || ':' || micros");
  return `SELECT subject, sum(micros) AS micros,
      ${hours} FILTER (WHERE dated AND start >= ${from}) AS hours,
      ${hours} FILTER (WHERE NOT dated) AS undated
    FROM spending${of(subjects)} GROUP BY subject`;
}

/** The rows of a query that concern some subjects, as {@link spendingStatement} has them. */
export function ofSubjects(statement: string, subjects: string | undefined): string {
  return subjects === undefined ? statement : `SELECT * FROM (${statement}) AS found${of(subjects)}`;
}

function of(subjects: string | undefined): string {
  return subjects === undefined ? "" : ` WHERE subject IN ${subjects}`;
}

/** The spending of each subject, with its admitted requests, from the rows of both queries. */
export function spendingRows(rows: readonly Row[], requestRows: readonly Row[]): Spending[] {
  const found = new Map<string, Spending>();
  for (const row of rows) {
    const key = String(row["subject"]);
    const hours = [...hoursOf(row["hours"], true), ...hoursOf(row["undated"], false)];
    found.set(key, { key, requests: 0, totalMicros: Number(row["micros"]), hours });
  }
  for (const row of requestRows) {
    const key = String(row["subject"]);
    const spent = found.get(key) ?? { key, totalMicros: 0, hours: [] };
    found.set(key, { ...spent, requests: Number(row["requests"]) });
  }
  return [...found.values()];
}

function hoursOf(text: unknown, isDated: boolean): Spending["hours"][number][] {
  if (typeof text !== "string") return [];
  return text.split(" ").map((one) => {
    const colon = one.indexOf(":");
    return { start: Number(one.slice(0, colon)), micros: Number(one.slice(colon + 1)), isDated };
  });
}
