import type { SqlDialect } from "../rows/usage_source.ts";

const TIME_FORMATS = { day: "YYYY-MM-DD", hour: 'YYYY-MM-DD"T"HH24":00Z"' } as const;

/** How PostgreSQL writes what databases write differently. */
export const DIALECT: SqlDialect = {
  placeholder: (number) => `$${number}`,
  joined: (expression) => `string_agg(${expression}, ' ')`,
  time: (by, expression) =>
    `to_char(to_timestamp(${expression} / 1000) AT TIME ZONE 'UTC', '${TIME_FORMATS[by]}')`,
  list: (placeholder) => `(SELECT json_array_elements_text(${placeholder}::json))`,
  byBytes: ' COLLATE "C"',
};
