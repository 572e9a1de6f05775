/**
 * The tables of passkeys, which migration 17 creates. Databases store the checksum of this text, so it must
 * not change.
 */

/** The SQL of the migration. */
export const PASSKEYS: string = `
CREATE TABLE passkeys (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  credential_id TEXT NOT NULL UNIQUE,
  public_key BLOB NOT NULL,
  counter INTEGER NOT NULL,
  transports TEXT NOT NULL,
  rp_id TEXT NOT NULL,
  name TEXT NOT NULL,
  synced INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  blocked_at INTEGER
) STRICT;
CREATE INDEX passkeys_by_person ON passkeys (person_id);
CREATE TABLE used_challenges (
  challenge TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;`;
