/**
 * The table of logins of commands on other machines. Databases store the checksum of this text, so it must
 * not change.
 */

/** The SQL of the migration: the table of logins, and the person of a management token. */
export const DEVICE_LOGINS: string = `
ALTER TABLE management_tokens ADD COLUMN person_id TEXT;
CREATE INDEX management_tokens_by_person ON management_tokens (person_id) WHERE person_id IS NOT NULL;
CREATE TABLE device_logins (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  device_hash BLOB NOT NULL UNIQUE,
  user_hash BLOB NOT NULL UNIQUE,
  machine TEXT NOT NULL,
  address TEXT NOT NULL,
  address_group TEXT NOT NULL,
  lifetime_ms INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  polled_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  person_id TEXT REFERENCES people (id) ON DELETE CASCADE,
  person_version INTEGER,
  decided_by TEXT
) STRICT;
CREATE INDEX device_logins_by_person ON device_logins (person_id);
CREATE INDEX device_logins_by_end ON device_logins (expires_at);`;
