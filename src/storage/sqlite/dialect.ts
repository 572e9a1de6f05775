import type { SqlDialect } from "../rows/usage_source.ts";

const TIME_FORMATS = { day: "%Y-%m-%d", hour: "%Y-%m-%dT%H:00Z" } as const;

/** How SQLite writes what databases write differently. */
export const DIALECT: SqlDialect = {
  placeholder: (number) => `?${number}`,
  joined: (expression) => `group_concat(${expression}, ' ')`,
  time: (by, expression) => `strftime('${TIME_FORMATS[by]}', ${expression} / 1000, 'unixepoch')`,
  list: (placeholder) => `(SELECT value FROM json_each(${placeholder}))`,
  byBytes: "",
};
