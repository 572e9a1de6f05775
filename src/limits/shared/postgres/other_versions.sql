-- Drops the tables and functions of other versions that no replica uses: each one has left, or was killed an hour ago or
-- more. A replica that comes back later makes its own again. A lock that is not free at once is left to the next start.
DO $$
DECLARE
  -- In two parts, because the names of this file get the version.
  tables text := 'limit' || '_';
  functions text := 'limits' || '_';
  version text;
  is_used boolean;
  item text;
BEGIN
  SET LOCAL lock_timeout = 500;
  FOR version IN
    SELECT COALESCE(substring(relname FROM '_(v[0-9a-f]{8}_)replicas$'), '') FROM pg_class
    WHERE relkind = 'r' AND pg_table_is_visible(oid) AND relname <> 'limit_replicas'
      AND relname ~ ('^' || tables || '(v[0-9a-f]{8}_)?replicas$')
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE deadline > $1)', tables || version || 'replicas')
      INTO is_used USING extract(epoch FROM clock_timestamp()) * 1000 - 3600000;
    CONTINUE WHEN is_used;
    FOR item IN
      SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid)
        AND relname ~ ('^' || tables || version || '(ledgers|hours|costs|pages|seconds|holdings|guesses|state|replicas)$')
    LOOP
      -- The functions that have its rows as arguments go too.
      EXECUTE format('DROP TABLE %I CASCADE', item);
    END LOOP;
    FOR item IN
      SELECT oid::regprocedure::text FROM pg_proc WHERE pg_function_is_visible(oid)
        AND proname ~ ('^' || functions || version || CASE version WHEN '' THEN '(?!v[0-9a-f]{8}_)' ELSE '' END || '[a-z_]+$')
    LOOP
      EXECUTE 'DROP FUNCTION ' || item;
    END LOOP;
  END LOOP;
EXCEPTION WHEN lock_not_available OR insufficient_privilege THEN
  NULL;
END $$
