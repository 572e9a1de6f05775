/**
 * The tables of the sums of past days and months, which the migrations 14 and 21 create: see
 * `closed_sums.ts`. Databases store the checksums of these texts, so they must not change.
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

const OF_ALL = `(
  start INTEGER NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  client TEXT NOT NULL,
  ${SUMS}
  PRIMARY KEY (start, endpoint, model, client)
) STRICT, WITHOUT ROWID;`;

/** The SQL of migration 14. */
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

/** Opens the days and months with usage of a token: its usage belongs to another person now. */
const OPEN_OF_TOKEN = `DELETE FROM closed_sums
  WHERE EXISTS (SELECT 1 FROM usage_by_day WHERE dimension = 'token' AND value = new.token_id)
    AND EXISTS (SELECT 1 FROM usage_by_day AS days WHERE dimension = 'token' AND value = new.token_id
      AND days.start >= closed_sums.start AND days.start < closed_sums.until);`;

/** The SQL of migration 21. */
export const SUMS_OF_ALL: string = `
CREATE TABLE usage_of_all_by_hour ${OF_ALL}
CREATE TABLE usage_of_all_by_day ${OF_ALL}
ALTER TABLE closed_sums ADD COLUMN edition INTEGER NOT NULL DEFAULT 1;
CREATE TRIGGER token_owner_added AFTER INSERT ON token_owners
BEGIN ${OPEN_OF_TOKEN} END;
CREATE TRIGGER token_owner_changed AFTER UPDATE ON token_owners WHEN new.owner_id <> old.owner_id
BEGIN ${OPEN_OF_TOKEN} END;`;
