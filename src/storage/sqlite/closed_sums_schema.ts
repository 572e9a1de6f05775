/**
 * The tables of the sums of past days and months, which migration 14 creates: see `closed_sums.ts`. Databases
 * store the checksum of this text, so it must not change.
 */

const SUMS = `requests INTEGER NOT NULL,
  admitted INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cache_write_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  audio_tokens INTEGER NOT NULL,
  image_tokens INTEGER NOT NULL,
  cost_micros INTEGER NOT NULL,
  unpriced INTEGER NOT NULL,
  unmetered INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  duration_ms REAL NOT NULL,
  first_bytes TEXT NOT NULL,`;
const BY_ONE = `(
  dimension TEXT NOT NULL,
  start INTEGER NOT NULL,
  value TEXT NOT NULL,
  ${SUMS}
  PRIMARY KEY (dimension, start, value)
) STRICT, WITHOUT ROWID;`;

/** The SQL of the migration. */
export const CLOSED_SUMS: string = `
CREATE TABLE usage_by_hour ${BY_ONE}
CREATE INDEX usage_by_hour_of_value ON usage_by_hour (dimension, value, start);
CREATE TABLE usage_by_day ${BY_ONE}
CREATE INDEX usage_by_day_of_value ON usage_by_day (dimension, value, start);
CREATE TABLE usage_by_month ${BY_ONE}
CREATE TABLE usage_months (
  start INTEGER NOT NULL,
  project_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  client TEXT NOT NULL,
  ${SUMS}
  PRIMARY KEY (start, project_id, token_id, principal, endpoint, model, client)
) STRICT, WITHOUT ROWID;
CREATE TABLE closed_sums (
  start INTEGER NOT NULL,
  until INTEGER NOT NULL,
  PRIMARY KEY (start, until)
) STRICT, WITHOUT ROWID;`;
