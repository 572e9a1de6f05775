/**
 * Made-up exchanges in SQL that PostgreSQL and SQLite both know, so that both databases have the same rows:
 * a year, 40 projects, 400 tokens of 50 people, 30 models, 10 endpoints and 6 clients. A few tokens make most
 * requests, each token prefers few models, and the nights are quiet.
 *
 * SQLite joins texts before it computes: what is computed within a text needs parentheses.
 */

import { KEY_COLUMNS, SUM_COLUMNS } from "../../../src/storage/rows/usage_sums.ts";

/** An hour in milliseconds. */
export const HOUR_MS = 3_600_000;
/** A day in milliseconds. */
export const DAY_MS = 24 * HOUR_MS;
/** How many days the exchanges are from. */
export const DAYS = 365;
/** How many projects there are. */
export const PROJECTS = 40;
/** How many tokens there are, with the names in the configuration. */
export const TOKENS = 400;
/** How many people own tokens. */
const PEOPLE = 50;
/** The buckets of times to the first byte, which are a table, because SQLite has no logarithm here. */
export const BUCKETS: readonly { readonly bucket: number; readonly ms: number }[] = Array.from(
  { length: 40 },
  (_, index) => ({ bucket: 58 + index, ms: 2 ** ((58 + index) / 8) }),
);

/** The id of a project by its number. */
export function projectId(project: number): string {
  return `prj_5f1d2c3b4a5968778695${1000 + project}`;
}

/** The id of a token by its number. */
export function tokenId(token: number): string {
  return `tok_9a8b7c6d5e4f30211203${1000 + token}`;
}

/** The id of a person by its number. */
export function personId(person: number): string {
  return `usr_${person}`;
}

/** The number of the project of a token; `undefined` for a token of the configuration, which has no id. */
export function projectOf(token: number): number | undefined {
  return token % 50 === 49 ? undefined : token % PROJECTS;
}

const PRIME = 2_147_483_647;
/** Pseudo-random numbers from 0 to 65,535 for a row, each from two multipliers. */
const RANDOM = [
  [48_271, 69_621],
  [16_807, 39_373],
  [742_938_285, 950_706_376],
  [1_226_874_159, 62_089_911],
  [1_343_714_438, 630_360_016],
  [397_204_094, 1_145_128_111],
].map(([one, other], index) =>
  `((n * ${one} % ${PRIME}) * (n * ${other} % ${PRIME} + ${index + 7}) % ${PRIME} / 32768) AS r${index}`
);

const MILLIONTHS = 1_000_000;
/** The first tenth of the requests of a day is those of its first eight hours. */
const TIME_OF_DAY = `CASE WHEN at % ${MILLIONTHS} < 100000 THEN at % ${MILLIONTHS} * 288
  ELSE 28800000 + (at % ${MILLIONTHS} - 100000) * 64 END`;

/** The numbers of the rows in each of these steps, so that no step needs much memory. */
export const STEP = 500_000;

/** The columns that {@link exchangesOf} gives. */
export const COLUMNS = [
  ...["request_id", "provider_request_id", "started_at", "duration_ms", "first_byte_ms", "method", "path"],
  ...["endpoint", "provider", "backend", "attempts", "status", "ending", "principal", "token_id"],
  ...["project_id", "metered", "admitted", "client", "stream", "model_asked", "request_bytes"],
  ...["model_answered", "stop_reason", "input_tokens", "output_tokens", "cached_tokens"],
  ...["partial", "cost_micros", "cost_partial", "usage_source", "price_version", "bytes"],
];

/**
 * The query of exchanges of the table `numbers (n)`, and the table `buckets (bucket, ms)`. `total` exchanges
 * are spread over the year that begins at `begin`, in milliseconds since 1970.
 */
export function exchangesOf(
  { total, begin, numbers, truth }: {
    total: number;
    begin: number;
    numbers: string;
    /** How the database writes true and false. */
    truth: readonly [string, string];
  },
): string {
  const [yes, no] = truth;
  return `WITH numbers AS (${numbers}),
  random AS MATERIALIZED (SELECT n, n * ${DAYS * MILLIONTHS} / ${total} AS at, ${
    RANDOM.join(", ")
  } FROM numbers),
  chosen AS MATERIALIZED (
    SELECT *, r0 * r0 * r0 * ${TOKENS} / 281474976710656 AS token, 6 * r1 * r1 / 4294967296 AS nth FROM random),
  named AS MATERIALIZED (
    SELECT *, token % 50 = 49 AS has_no_id, (token * 7 + nth) % 30 AS model,
      CASE WHEN r3 < 600 THEN 502 WHEN r3 < 1900 THEN 429 WHEN r3 < 2600 THEN 499 ELSE 200 END AS status
    FROM chosen)
  SELECT 'req_' || (10000000 + r2 * 15 * 97 % 9000000) || '-' || (100000000 + n),
    CASE WHEN status = 200 THEN 'chatcmpl-' || (10000000 + r4 * 113) || (100000000 + n) END,
    ${begin} + at / ${MILLIONTHS} * ${DAY_MS} + ${TIME_OF_DAY},
    ms + r2 / 8, CASE WHEN status < 499 AND status <> 429 THEN ms END, 'POST',
    '/endpoint-' || (model % 10) || '/v1/chat/completions', 'endpoint-' || (model % 10),
    'api.provider-' || (model % 10) || '.com', 'https://api.provider-' || (model % 10) || '.com/v1',
    CASE WHEN status = 429 THEN 0 ELSE 1 END, status,
    CASE status WHEN 200 THEN 'complete' WHEN 499 THEN 'client_gone' WHEN 502 THEN 'upstream_unreachable'
      ELSE 'rate_limited' END,
    'token ' || token, CASE WHEN has_no_id THEN NULL ELSE 'tok_9a8b7c6d5e4f30211203' || (1000 + token) END,
    CASE WHEN has_no_id THEN NULL ELSE 'prj_5f1d2c3b4a5968778695' || (1000 + token % ${PROJECTS}) END,
    ${yes}, CASE WHEN status = 429 THEN ${no} ELSE ${yes} END,
    'client-' || ((token + CASE WHEN r5 < 6554 THEN 1 ELSE 0 END) % 6), CASE WHEN r5 % 3 = 0 THEN ${no} ELSE ${yes} END,
    'model-' || model || '-2026', 400 + r4 / 4, CASE WHEN status = 200 THEN 'model-' || model || '-2026' END,
    CASE WHEN status = 200 THEN 'stop' END,
    CASE WHEN status = 200 THEN 200 + r4 / 8 END, CASE WHEN status = 200 THEN 20 + r5 / 64 END,
    CASE WHEN status = 200 THEN r4 / 16 END, ${no},
    CASE WHEN status = 200 THEN (200 + r4 / 8) * (1 + model % 7) / 4 + 100 END, ${no},
    CASE WHEN status = 200 THEN 'provider' END, CASE WHEN status = 200 THEN '2026-11-01' END, 300 + r5 / 4
  FROM named JOIN buckets ON bucket = 60 + model % 12 + (r4 + r5) * 24 / 131072 ORDER BY n`;
}

const KEYS = `coalesce(project_id, '') AS project_id, coalesce(token_id, '') AS token_id,
  CASE WHEN token_id IS NULL THEN principal ELSE '' END AS principal, coalesce(endpoint, '') AS endpoint,
  coalesce(model_answered, model_asked, '') AS model, client`;
const DIMENSIONS = KEY_COLUMNS.slice(1).join(", ");
const NAMES = `start, ${DIMENSIONS}`;

/** What an exchange adds to each sum, as `SUMS` of `usage_sums.ts` says. No made-up exchange is settled. */
const SUMMED: Readonly<Record<typeof SUM_COLUMNS[number], string>> = {
  requests: "count(*)",
  admitted: "sum(CASE WHEN admitted THEN 1 ELSE 0 END)",
  errors: "sum(CASE WHEN status >= 400 AND ending <> 'client_gone' THEN 1 ELSE 0 END)",
  input_tokens: "sum(coalesce(input_tokens, 0))",
  output_tokens: "sum(coalesce(output_tokens, 0))",
  cached_tokens: "sum(coalesce(cached_tokens, 0))",
  cache_write_tokens: "0",
  reasoning_tokens: "0",
  audio_tokens: "0",
  image_tokens: "0",
  cost_micros: "sum(coalesce(cost_micros, 0))",
  unpriced: "0",
  unmetered: "0",
  estimated: "0",
  bytes: "sum(bytes)",
  duration_ms: "sum(duration_ms)",
};

/**
 * The statements that fill the tables of sums from all exchanges, in the order of time: the program writes
 * them in this order too. Nine of ten tokens have an owner.
 */
export const SUM_STATEMENTS: readonly string[] = [
  `INSERT INTO token_owners (token_id, owner_id)
   SELECT id, 'usr_' || (seq % ${PEOPLE}) FROM tokens WHERE seq % 10 <> 0`,
  `INSERT INTO usage (${NAMES}, ${SUM_COLUMNS.join(", ")})
   SELECT started_at - started_at % ${HOUR_MS}, ${KEYS}, ${SUM_COLUMNS.map((name) => SUMMED[name]).join(", ")}
   FROM exchanges GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7`,
  `INSERT INTO usage_days (${NAMES}, ${SUM_COLUMNS.join(", ")})
   SELECT start - start % ${DAY_MS}, ${DIMENSIONS}, ${SUM_COLUMNS.map((name) => `sum(${name})`).join(", ")}
   FROM usage GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7`,
  `INSERT INTO first_bytes (${NAMES}, bucket, requests)
   SELECT started_at - started_at % ${HOUR_MS}, ${KEYS}, bucket, count(*)
   FROM exchanges JOIN buckets ON ms = first_byte_ms WHERE status < 400 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
   ORDER BY 1, 2, 3, 4, 5, 6, 7, 8`,
  `INSERT INTO first_bytes_days (${NAMES}, bucket, requests)
   SELECT start - start % ${DAY_MS}, ${DIMENSIONS}, bucket, sum(requests)
   FROM first_bytes GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 ORDER BY 1, 2, 3, 4, 5, 6, 7, 8`,
  `INSERT INTO first_bytes_total (start, bucket, requests)
   SELECT start, bucket, sum(requests) FROM first_bytes GROUP BY 1, 2 ORDER BY 1, 2`,
  `INSERT INTO spending (start, subject, dated, micros)
   SELECT start, subject, dated, sum(cost_micros) FROM (
     SELECT start, 'token:' || token_id AS subject, 1 = 1 AS dated, cost_micros FROM usage WHERE token_id <> ''
     UNION ALL
     SELECT start, 'project:' || project_id, 1 = 1, cost_micros FROM usage WHERE project_id <> ''
     UNION ALL SELECT start, 'shared:' || principal, 1 = 1, cost_micros FROM usage WHERE token_id = ''
   ) AS parts WHERE cost_micros <> 0 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  `UPDATE tokens SET request_count = counts.requests
   FROM (SELECT token_id, sum(admitted) AS requests FROM usage_days GROUP BY 1) AS counts WHERE token_id = tokens.id`,
];
