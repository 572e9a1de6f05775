/**
 * Migration 19: users and groups that directories write. Databases store its checksum, so it must not change.
 */

/**
 * `has_disabled` is whether the directory has disabled the person, and not an administrator here.
 * `user_key`, `group_key` and `address` are in small letters, for comparisons without regard to case. The
 * backfill of `maker_id` reads who made a token from the name of the actor, which begins with the login name.
 */
export const DIRECTORY = `
CREATE TABLE directory_users (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  provider TEXT NOT NULL,
  user_name TEXT NOT NULL,
  user_key TEXT NOT NULL,
  external_id TEXT,
  active INTEGER NOT NULL,
  details TEXT NOT NULL,
  person_id TEXT REFERENCES people (id) ON DELETE SET NULL,
  has_disabled INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE (provider, user_key),
  UNIQUE (provider, external_id)
) STRICT;
CREATE INDEX directory_users_by_person ON directory_users (person_id);
CREATE TABLE directory_addresses (
  user_id TEXT NOT NULL REFERENCES directory_users (id) ON DELETE CASCADE,
  address TEXT NOT NULL,
  kind TEXT NOT NULL,
  PRIMARY KEY (address, user_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_addresses_by_user ON directory_addresses (user_id);
CREATE TABLE directory_groups (
  seq INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  provider TEXT NOT NULL,
  display_name TEXT NOT NULL,
  group_key TEXT NOT NULL,
  external_id TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version INTEGER NOT NULL,
  UNIQUE (provider, group_key)
) STRICT;
CREATE TABLE directory_members (
  group_id TEXT NOT NULL REFERENCES directory_groups (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES directory_users (id) ON DELETE CASCADE,
  PRIMARY KEY (group_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX directory_members_by_user ON directory_members (user_id);
ALTER TABLE management_tokens ADD COLUMN maker_id TEXT;
CREATE INDEX management_tokens_by_maker ON management_tokens (maker_id) WHERE maker_id IS NOT NULL;
UPDATE management_tokens SET maker_id = (SELECT people.id FROM people
  WHERE substr(made_by, 1, length(login) + 2) = login || ' (' AND people.created_at <= management_tokens.created_at)
WHERE made_by NOT LIKE '% (management token)';`;
