/**
 * The migrations of the schema. Never edit a released migration: every database stores its checksum. Append a
 * new one with the next number.
 */

import { CLOSED_SUMS, SUMS_OF_ALL } from "./closed_sums_schema.ts";
import { DIRECTORY } from "./directory_schema.ts";
import { PASSKEYS } from "./passkeys_schema.ts";
import { DEVICE_LOGINS } from "./device_logins_migration.ts";

/** A migration: one step of the schema. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** All migrations in their order. Times are milliseconds since 1970, money is millionths of a US dollar. */
export const MIGRATIONS: readonly Migration[] = [
  {
    version: 1,
    name: "projects and tokens",
    sql: `
CREATE TABLE projects (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  active INTEGER NOT NULL,
  rules TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE TABLE project_keys (
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  endpoint TEXT NOT NULL,
  sealed BLOB NOT NULL,
  suffix TEXT NOT NULL,
  PRIMARY KEY (project_id, endpoint)
) STRICT, WITHOUT ROWID;
CREATE TABLE tokens (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  project_id TEXT NOT NULL REFERENCES projects (id),
  name TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  suffix TEXT NOT NULL,
  previous_hash BLOB UNIQUE,
  previous_expires_at INTEGER,
  active INTEGER NOT NULL,
  revoked_at INTEGER,
  expires_at INTEGER,
  rules TEXT NOT NULL,
  request_count INTEGER NOT NULL,
  last_used_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL
) STRICT;
CREATE INDEX tokens_by_project ON tokens (project_id, seq);
CREATE TABLE notes (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;`,
  },
  {
    version: 2,
    name: "exchanges and usage",
    sql: `
CREATE TABLE exchanges (
  seq INTEGER PRIMARY KEY,
  request_id TEXT NOT NULL,
  provider_request_id TEXT,
  started_at INTEGER NOT NULL,
  duration_ms REAL NOT NULL,
  first_byte_ms REAL,
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  endpoint TEXT,
  provider TEXT,
  backend TEXT,
  attempts INTEGER NOT NULL,
  status INTEGER NOT NULL,
  ending TEXT NOT NULL,
  principal TEXT NOT NULL,
  token_id TEXT,
  project_id TEXT,
  admitted INTEGER NOT NULL,
  client TEXT NOT NULL,
  stream INTEGER,
  model_asked TEXT,
  model_answered TEXT,
  stop_reason TEXT,
  input_tokens INTEGER,
  output_tokens INTEGER,
  cached_tokens INTEGER,
  cache_write_tokens INTEGER,
  reasoning_tokens INTEGER,
  audio_tokens INTEGER,
  image_tokens INTEGER,
  partial INTEGER NOT NULL,
  cost_micros INTEGER,
  price_version TEXT,
  bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX exchanges_by_start ON exchanges (started_at);
CREATE TABLE usage (
  start INTEGER NOT NULL,
  project_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  client TEXT NOT NULL,
  requests INTEGER NOT NULL,
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
  bytes INTEGER NOT NULL,
  duration_ms REAL NOT NULL,
  PRIMARY KEY (start, project_id, token_id, principal, endpoint, model, client)
) STRICT, WITHOUT ROWID;`,
  },
  {
    version: 3,
    name: "audit log",
    sql: `
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  source TEXT NOT NULL,
  action TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  changes TEXT NOT NULL
) STRICT;`,
  },
  {
    version: 4,
    name: "times to the first byte, and attempts",
    sql: `
ALTER TABLE exchanges ADD COLUMN attempt_log TEXT;
CREATE TABLE first_bytes (
  start INTEGER NOT NULL,
  project_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  client TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (start, project_id, token_id, principal, endpoint, model, client, bucket)
) STRICT, WITHOUT ROWID;`,
  },
  {
    version: 5,
    name: "where costs come from",
    sql: `
ALTER TABLE exchanges ADD COLUMN cost_source TEXT;`,
  },
  {
    version: 6,
    name: "how numbers came to be",
    // Before this, only the cost of tokens with limits was estimated, and the provider reported all usage.
    sql: `
ALTER TABLE exchanges RENAME COLUMN cost_source TO usage_source;
UPDATE exchanges SET usage_source = 'provider'
  WHERE usage_source IS NOT 'estimated'
    AND (input_tokens IS NOT NULL OR output_tokens IS NOT NULL OR cost_micros IS NOT NULL);
ALTER TABLE exchanges ADD COLUMN cost_partial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE exchanges ADD COLUMN metered INTEGER NOT NULL DEFAULT 1;
ALTER TABLE usage ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;`,
  },
  {
    version: 7,
    name: "spending by the hour in which it was booked",
    // Before this, budgets started from the hours in which exchanges began. This program did not exist before
    // 2020.
    sql: `
CREATE TABLE spending (
  start INTEGER NOT NULL,
  subject TEXT NOT NULL,
  dated INTEGER NOT NULL,
  micros INTEGER NOT NULL,
  PRIMARY KEY (start, subject, dated)
) STRICT, WITHOUT ROWID;
INSERT INTO spending
  SELECT start, subject, start >= 1577836800000, sum(cost_micros) FROM (
    SELECT start, 'token:' || token_id AS subject, cost_micros FROM usage WHERE token_id <> ''
    UNION ALL
    SELECT start, 'project:' || project_id, cost_micros FROM usage WHERE project_id <> ''
    UNION ALL
    SELECT start, 'shared:' || principal, cost_micros FROM usage WHERE token_id = ''
  ) WHERE cost_micros <> 0 GROUP BY 1, 2;`,
  },
  {
    version: 8,
    name: "objects that can be looked at again",
    sql: `
CREATE TABLE objects (
  endpoint TEXT NOT NULL,
  object_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  results_id TEXT,
  request_id TEXT NOT NULL,
  path TEXT NOT NULL,
  provider TEXT,
  backend TEXT,
  principal TEXT NOT NULL,
  token_id TEXT,
  project_id TEXT,
  client TEXT NOT NULL,
  model TEXT,
  tier TEXT,
  model_rules TEXT NOT NULL,
  reserved_tokens INTEGER NOT NULL,
  reserved_micros INTEGER NOT NULL,
  made_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  settled_at INTEGER,
  settled_micros INTEGER,
  changed_at INTEGER NOT NULL,
  PRIMARY KEY (endpoint, object_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX objects_by_results ON objects (endpoint, results_id) WHERE results_id IS NOT NULL;
CREATE INDEX objects_open ON objects (made_at) WHERE settled_at IS NULL;
CREATE INDEX objects_settled ON objects (made_at) WHERE settled_at IS NOT NULL;
CREATE INDEX objects_by_change ON objects (changed_at);
ALTER TABLE exchanges ADD COLUMN settlement TEXT;`,
  },
  {
    version: 9,
    name: "the sequence of changes of projects and tokens",
    // The triggers also see the changes of other programs. They ignore the counts of requests, which are not
    // needed for the check of requests.
    sql: `
CREATE TABLE access_changes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  id TEXT NOT NULL
) STRICT;
CREATE TRIGGER project_added AFTER INSERT ON projects
BEGIN INSERT INTO access_changes (kind, id) VALUES ('project', new.id); END;
CREATE TRIGGER project_changed AFTER UPDATE ON projects
BEGIN INSERT INTO access_changes (kind, id) VALUES ('project', new.id); END;
CREATE TRIGGER project_deleted AFTER DELETE ON projects
BEGIN INSERT INTO access_changes (kind, id) VALUES ('project', old.id); END;
CREATE TRIGGER project_key_added AFTER INSERT ON project_keys
BEGIN INSERT INTO access_changes (kind, id) VALUES ('project', new.project_id); END;
CREATE TRIGGER project_key_changed AFTER UPDATE ON project_keys
BEGIN INSERT INTO access_changes (kind, id) VALUES ('project', new.project_id); END;
CREATE TRIGGER project_key_deleted AFTER DELETE ON project_keys
BEGIN INSERT INTO access_changes (kind, id) VALUES ('project', old.project_id); END;
CREATE TRIGGER token_added AFTER INSERT ON tokens
BEGIN INSERT INTO access_changes (kind, id) VALUES ('token', new.id); END;
CREATE TRIGGER token_changed AFTER UPDATE OF project_id, name, hash, suffix, previous_hash, previous_expires_at,
  active, revoked_at, expires_at, rules, version ON tokens
BEGIN INSERT INTO access_changes (kind, id) VALUES ('token', new.id); END;
CREATE TRIGGER token_deleted AFTER DELETE ON tokens
BEGIN INSERT INTO access_changes (kind, id) VALUES ('token', old.id); END;
CREATE INDEX tokens_by_name ON tokens (project_id, name);`,
  },
  {
    version: 10,
    name: "sums by the day, and exchanges by their request ids",
    // Queries over months read the days. With ten million exchanges, the sums by the hour are too many.
    sql: `
CREATE TABLE usage_days (
  start INTEGER NOT NULL,
  project_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  client TEXT NOT NULL,
  requests INTEGER NOT NULL,
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
  PRIMARY KEY (start, project_id, token_id, principal, endpoint, model, client)
) STRICT, WITHOUT ROWID;
INSERT INTO usage_days (start, project_id, token_id, principal, endpoint, model, client,
  requests, admitted, errors, input_tokens, output_tokens, cached_tokens, cache_write_tokens, reasoning_tokens,
  audio_tokens, image_tokens, cost_micros, unpriced, unmetered, estimated, bytes, duration_ms)
  SELECT start - start % 86400000, project_id, token_id, principal, endpoint, model, client,
    sum(requests), sum(admitted), sum(errors), sum(input_tokens), sum(output_tokens),
    sum(cached_tokens), sum(cache_write_tokens), sum(reasoning_tokens), sum(audio_tokens),
    sum(image_tokens), sum(cost_micros), sum(unpriced), sum(unmetered), sum(estimated), sum(bytes),
    sum(duration_ms)
  FROM usage GROUP BY 1, 2, 3, 4, 5, 6, 7;
CREATE TABLE first_bytes_days (
  start INTEGER NOT NULL,
  project_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  principal TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  model TEXT NOT NULL,
  client TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (start, project_id, token_id, principal, endpoint, model, client, bucket)
) STRICT, WITHOUT ROWID;
INSERT INTO first_bytes_days
  SELECT start - start % 86400000, project_id, token_id, principal, endpoint, model, client, bucket, sum(requests)
  FROM first_bytes GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
CREATE TABLE first_bytes_total (
  start INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (start, bucket)
) STRICT, WITHOUT ROWID;
INSERT INTO first_bytes_total SELECT start, bucket, sum(requests) FROM first_bytes GROUP BY 1, 2;
CREATE INDEX exchanges_by_request ON exchanges (request_id);
CREATE INDEX exchanges_by_provider_request ON exchanges (provider_request_id)
  WHERE provider_request_id IS NOT NULL;`,
  },
  {
    version: 11,
    name: "what clients received of objects, and the accounts of the objects at their providers",
    sql: `
ALTER TABLE objects ADD COLUMN received_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE objects ADD COLUMN provider_account TEXT;
CREATE INDEX objects_by_account ON objects (provider_account, object_id) WHERE provider_account IS NOT NULL;
CREATE INDEX objects_by_account_results ON objects (provider_account, results_id) WHERE results_id IS NOT NULL;`,
  },
  {
    version: 12,
    name: "who made the objects at providers",
    sql: `
CREATE TABLE made_objects (
  account TEXT NOT NULL,
  object_id TEXT NOT NULL,
  backend TEXT NOT NULL,
  maker TEXT NOT NULL,
  project_id TEXT,
  made_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (object_id, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX made_objects_by_maker ON made_objects (maker, made_at);
CREATE INDEX made_objects_by_age ON made_objects (made_at);
CREATE INDEX made_objects_by_expiry ON made_objects (expires_at);
CREATE TABLE object_makers (
  account TEXT NOT NULL,
  maker TEXT NOT NULL,
  project_id TEXT,
  PRIMARY KEY (account, maker)
) STRICT, WITHOUT ROWID;`,
  },
  {
    version: 13,
    name: "the models that were sent in the place of those that clients named, and the sizes of requests",
    sql: `
ALTER TABLE exchanges ADD COLUMN request_bytes INTEGER;
ALTER TABLE exchanges ADD COLUMN model_sent TEXT;`,
  },
  {
    version: 14,
    name: "sums of past days and months by one dimension",
    sql: CLOSED_SUMS,
  },
  {
    version: 15,
    name: "people, their sessions, and management tokens",
    // A token with `owner_left` is not active because its owner may not use the project now. A deleted token
    // keeps its owner in `token_owners`, for sums of usage.
    sql: `
ALTER TABLE tokens ADD COLUMN owner_id TEXT;
ALTER TABLE tokens ADD COLUMN owner_left INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tokens_by_owner ON tokens (owner_id) WHERE owner_id IS NOT NULL;
CREATE TABLE token_owners (
  token_id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX token_owners_by_owner ON token_owners (owner_id);
CREATE TABLE people (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  login TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  all_projects INTEGER NOT NULL,
  disabled INTEGER NOT NULL,
  provider TEXT,
  subject TEXT,
  passphrase TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE (provider, subject)
) STRICT;
CREATE TABLE person_projects (
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
  PRIMARY KEY (person_id, project_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX person_projects_by_project ON person_projects (project_id);
CREATE TABLE sessions (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  hash BLOB NOT NULL UNIQUE,
  person_id TEXT REFERENCES people (id) ON DELETE CASCADE,
  credential TEXT NOT NULL,
  way TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  proven_at INTEGER NOT NULL,
  address TEXT NOT NULL,
  browser TEXT NOT NULL,
  ended_at INTEGER
) STRICT;
CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX sessions_by_use ON sessions (used_at);
CREATE TABLE management_tokens (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  suffix TEXT NOT NULL,
  role TEXT NOT NULL,
  projects TEXT NOT NULL,
  expires_at INTEGER,
  last_used_at INTEGER,
  made_by TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
) STRICT;
CREATE TABLE invitations (
  seq INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;
CREATE INDEX invitations_by_person ON invitations (person_id);`,
  },
  {
    version: 16,
    name: "names of accounts at providers",
    // Accounts have no row in `tokens`. Sums of usage show the name that their last token stated.
    sql: `
CREATE TABLE account_names (
  token_id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX people_by_subject ON people (subject) WHERE subject IS NOT NULL;`,
  },
  { version: 17, name: "passkeys", sql: PASSKEYS },
  { version: 18, name: "logins of commands on other machines", sql: DEVICE_LOGINS },
  {
    version: 19,
    name: "users and groups that directories write, and who made management tokens",
    sql: DIRECTORY,
  },
  {
    version: 20,
    name: "an index of the providers' request ids that takes few writes",
    // The ids are random. In one order, almost each new id changes another page of the index: the log took
    // 6.2 KB for each exchange. With groups of 1,024 exchanges it takes 1.3 KB.
    sql: `
DROP INDEX exchanges_by_provider_request;
CREATE INDEX exchanges_by_provider_request ON exchanges (seq >> 10, provider_request_id)
  WHERE provider_request_id IS NOT NULL;`,
  },
  { version: 21, name: "sums of past days of all tokens together, and by person", sql: SUMS_OF_ALL },
];
