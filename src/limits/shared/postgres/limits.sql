-- The shared counts in PostgreSQL. shared_limits.ts says what each operation means.
--
-- The tables are unlogged: if the server crashes, they are empty, and the counts come again from what the database knows
-- of spending, as with a server that keeps nothing on disk. A restored backup may have older counts, so those of another
-- run of the server, another database or other tables are emptied by the first replica that renews.
--
-- Each operation locks in this order, so that no two operations wait for each other:
-- 0. the run of the counts (limits_join), which the operation that empties the counts has for itself,
-- 1. all ledgers that it needs, by their keys, in one statement (limits_lock),
-- 2. its replicas, by their names in one statement (limits_enter), or those of others that are free (SKIP LOCKED),
-- 3. holdings, by their ids, but only those whose ledgers it has locked,
-- 4. hours, costs, pages and seconds of its ledgers,
-- 5. the state, and then guesses.
-- The ledgers of a holding are only known when the holding is read. If it has others when it is locked, the operation fails
-- with a serialization failure (limits_moved), and is called again.
--
-- versioned_names.ts puts a hash of this file into all names: replicas with another file have their own counts.

CREATE UNLOGGED TABLE IF NOT EXISTS limit_ledgers (
  key text COLLATE "C" PRIMARY KEY,
  seeded boolean NOT NULL DEFAULT false,
  requests bigint NOT NULL DEFAULT 0,
  total bigint NOT NULL DEFAULT 0,
  running bigint NOT NULL DEFAULT 0,
  tokens bigint NOT NULL DEFAULT 0,
  micros bigint NOT NULL DEFAULT 0,
  excess bigint NOT NULL DEFAULT 0,
  optimistic bigint NOT NULL DEFAULT 0,
  -- The sums of the latest periods, with the hours in which they begin.
  day_from bigint, day_sum bigint NOT NULL DEFAULT 0,
  week_from bigint, week_sum bigint NOT NULL DEFAULT 0,
  month_from bigint, month_sum bigint NOT NULL DEFAULT 0,
  -- The part of the total that is in the balance of the database.
  base bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE IF NOT EXISTS limit_hours (
  key text COLLATE "C" NOT NULL,
  hour bigint NOT NULL,
  micros bigint NOT NULL,
  -- The part that is in the balance of the database.
  base bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (key, hour)
) WITH (fillfactor = 50);

-- Costs on pages that the balance of a ledger lacks.
CREATE UNLOGGED TABLE IF NOT EXISTS limit_costs (
  key text COLLATE "C" NOT NULL,
  replica text COLLATE "C" NOT NULL,
  page bigint NOT NULL,
  hour bigint NOT NULL,
  micros bigint NOT NULL,
  PRIMARY KEY (key, replica, page, hour)
) WITH (fillfactor = 50);

-- The last page of a replica that is in the balance of a ledger.
CREATE UNLOGGED TABLE IF NOT EXISTS limit_pages (
  key text COLLATE "C" NOT NULL,
  replica text COLLATE "C" NOT NULL,
  page bigint NOT NULL,
  PRIMARY KEY (key, replica)
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE IF NOT EXISTS limit_seconds (
  key text COLLATE "C" NOT NULL,
  second bigint NOT NULL,
  requests bigint NOT NULL DEFAULT 0,
  tokens bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (key, second)
) WITH (fillfactor = 50);

CREATE UNLOGGED TABLE IF NOT EXISTS limit_holdings (
  id text COLLATE "C" PRIMARY KEY,
  owner text NOT NULL,
  keys text[] NOT NULL,
  is_running boolean NOT NULL,
  tokens bigint NOT NULL,
  micros bigint NOT NULL,
  excess bigint NOT NULL,
  optimistic text[] NOT NULL,
  told bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS limit_holdings_owner ON limit_holdings (owner);
CREATE INDEX IF NOT EXISTS limit_holdings_told ON limit_holdings (told) WHERE owner = '';

-- A replica is silent after its deadline. Then it has another one, for its reservations.
CREATE UNLOGGED TABLE IF NOT EXISTS limit_replicas (
  replica text PRIMARY KEY,
  deadline bigint NOT NULL,
  silent boolean NOT NULL DEFAULT false,
  session bigint NOT NULL DEFAULT 0
);

CREATE UNLOGGED TABLE IF NOT EXISTS limit_guesses (
  address text COLLATE "C" PRIMARY KEY,
  seen text[] NOT NULL DEFAULT '{}',
  failures bigint NOT NULL DEFAULT 0,
  last bigint NOT NULL,
  until bigint NOT NULL DEFAULT 0,
  mark bigint NOT NULL DEFAULT 0
);

CREATE INDEX IF NOT EXISTS limit_guesses_last ON limit_guesses (last);

-- When the counts began, the mark of the latest wait, the run of the server that the counts belong to, and when unused
-- ledgers were last removed.
CREATE UNLOGGED TABLE IF NOT EXISTS limit_state (
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  born bigint,
  mark bigint NOT NULL DEFAULT 0,
  run text,
  swept bigint
);

-- All functions are in PL/pgSQL, which keeps the plans of their queries. SQL functions are planned at each call.
CREATE OR REPLACE FUNCTION limits_now(given bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN COALESCE(given, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint);
END $$;

-- The present run of the server, with the database and the table of the counts, and the meaning of the tables.
CREATE OR REPLACE FUNCTION limits_run() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN concat_ws(' ', 'pages', extract(epoch FROM pg_postmaster_start_time()),
    (SELECT oid FROM pg_database WHERE datname = current_database()), 'limit_state'::regclass::oid);
END $$;

-- Whether the counts are those of the present run. If not, an operation changes nothing.
CREATE OR REPLACE FUNCTION limits_valid() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (SELECT 1 FROM limit_state WHERE run = limits_run());
END $$;

-- Whether the counts are those of the present run, which stays until the operation ends.
CREATE OR REPLACE FUNCTION limits_join() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(7410228356);
  RETURN limits_valid();
END $$;

-- Empties the counts of another run. No operation uses them meanwhile. Replicas take turns, also with those that are just
-- making the tables and functions (DEFINITIONS_LOCK): both lock several tables.
CREATE OR REPLACE FUNCTION limits_begin(now bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF limits_valid() THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(7410228355);
  IF limits_valid() THEN RETURN; END IF;
  PERFORM pg_advisory_xact_lock(7410228356);
  TRUNCATE limit_ledgers, limit_hours, limit_costs, limit_pages, limit_holdings, limit_replicas;
  INSERT INTO limit_state (born, run) VALUES (now, limits_run())
    ON CONFLICT (id) DO UPDATE SET born = excluded.born, run = excluded.run;
END $$;

-- For how long replicas may still tell what they hold.
CREATE OR REPLACE FUNCTION limits_telling(now bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN least(0, COALESCE((SELECT born FROM limit_state), now) - now) + 4000;
END $$;

-- Locks ledgers, and makes those that are missing, in the order of their keys. A ledger that others have just made or removed
-- is met in its place too.
CREATE OR REPLACE FUNCTION limits_lock(wanted text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO limit_ledgers AS at (key) SELECT DISTINCT one COLLATE "C" AS key FROM unnest(wanted) AS one ORDER BY key
    ON CONFLICT (key) DO UPDATE SET seeded = at.seeded WHERE false;
END $$;

-- Ends an operation that has locked other ledgers than those that a holding has now.
CREATE OR REPLACE FUNCTION limits_moved() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a holding has other ledgers now' USING ERRCODE = 'serialization_failure';
END $$;

-- What a holding adds to its ledgers (sign 1), or removes from them (sign -1), and the requests that it adds.
CREATE OR REPLACE FUNCTION limits_change(held limit_holdings, sign int, more_requests int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE limit_ledgers SET running = running + CASE WHEN held.is_running THEN sign ELSE 0 END,
    tokens = tokens + sign * held.tokens, micros = micros + sign * held.micros, excess = excess + sign * held.excess,
    optimistic = optimistic + CASE WHEN key = ANY (held.optimistic) THEN sign ELSE 0 END,
    requests = requests + more_requests
  WHERE key = ANY (held.keys);
END $$;

-- Sets holdings. The ledgers are locked. One that is already there changes nothing but the time when it was told.
CREATE OR REPLACE FUNCTION limits_set_all(items jsonb, now bigint, locked text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM limit_holdings WHERE id IN (SELECT one->>'id' FROM jsonb_array_elements(items) AS one)
    ORDER BY id FOR UPDATE;
  IF EXISTS (SELECT 1 FROM limit_holdings WHERE id IN (SELECT one->>'id' FROM jsonb_array_elements(items) AS one)
    AND NOT keys <@ locked) THEN PERFORM limits_moved(); END IF;
  UPDATE limit_holdings SET told = now
    WHERE owner = '' AND id IN (SELECT one->>'id' FROM jsonb_array_elements(items) AS one);
  WITH item AS (
    SELECT DISTINCT ON (one->>'id') one->>'id' AS id, one->>'owner' AS owner,
      ARRAY(
        SELECT key FROM jsonb_array_elements_text(one->'keys') WITH ORDINALITY AS list (key, place)
        GROUP BY key ORDER BY min(place)
      ) AS keys, (one->>'isRunning')::boolean AND (
        one->>'owner' = '' OR EXISTS (SELECT 1 FROM limit_replicas WHERE replica = one->>'owner' AND NOT silent)
      ) AS is_running,
      (one->>'tokens')::bigint AS tokens, (one->>'micros')::bigint AS micros, (one->>'excessMicros')::bigint AS excess
    FROM jsonb_array_elements(items) WITH ORDINALITY AS list (one, at) ORDER BY one->>'id', at DESC
  ), changed AS (
    SELECT item.*, COALESCE(held.optimistic, '{}') AS optimistic, held.keys AS old_keys,
      held.is_running AS old_running, held.tokens AS old_tokens, held.micros AS old_micros, held.excess AS old_excess
    FROM item LEFT JOIN limit_holdings AS held USING (id)
    WHERE (held.owner, held.keys, held.is_running, held.tokens, held.micros, held.excess) IS DISTINCT FROM
      (item.owner, item.keys, item.is_running, item.tokens, item.micros, item.excess)
  ), written AS (
    INSERT INTO limit_holdings SELECT id, owner, keys, is_running, tokens, micros, excess, optimistic, now FROM changed ORDER BY id
      ON CONFLICT (id) DO UPDATE SET told = excluded.told, owner = excluded.owner, keys = excluded.keys, is_running = excluded.is_running,
        tokens = excluded.tokens, micros = excluded.micros, excess = excluded.excess
  ), difference AS (
    SELECT key, sum(running) AS running, sum(tokens) AS tokens, sum(micros) AS micros, sum(excess) AS excess,
      sum(optimistic) AS optimistic
    FROM (
      SELECT key, is_running::int AS running, tokens, micros, excess, (key = ANY (optimistic))::int AS optimistic
        FROM changed, unnest(keys) AS key
      UNION ALL
      SELECT key, -old_running::int, -old_tokens, -old_micros, -old_excess, -(key = ANY (optimistic))::int
        FROM changed, unnest(old_keys) AS key
    ) AS each GROUP BY key
  )
  UPDATE limit_ledgers AS ledger SET running = ledger.running + difference.running,
    tokens = ledger.tokens + difference.tokens, micros = ledger.micros + difference.micros,
    excess = ledger.excess + difference.excess, optimistic = ledger.optimistic + difference.optimistic
  FROM difference WHERE ledger.key = difference.key;
END $$;

-- Removes holdings, which are locked with their ledgers.
CREATE OR REPLACE FUNCTION limits_remove(ids text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  WITH gone AS (
    DELETE FROM limit_holdings WHERE id = ANY (ids) RETURNING *
  ), difference AS (
    SELECT key, sum(is_running::int) AS running, sum(tokens) AS tokens, sum(micros) AS micros, sum(excess) AS excess,
      sum((key = ANY (optimistic))::int) AS optimistic
    FROM gone, unnest(keys) AS key GROUP BY key
  )
  UPDATE limit_ledgers AS ledger SET running = ledger.running - difference.running,
    tokens = ledger.tokens - difference.tokens, micros = ledger.micros - difference.micros,
    excess = ledger.excess - difference.excess, optimistic = ledger.optimistic - difference.optimistic
  FROM difference WHERE ledger.key = difference.key;
END $$;

-- Locks and returns what a replica holds, but for some ids. The replica and the ledgers are locked.
CREATE OR REPLACE FUNCTION limits_held(holder text, kept text[], locked text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  ids text[] := ARRAY(SELECT id FROM limit_holdings WHERE owner = holder AND id <> ALL (kept) ORDER BY id FOR UPDATE);
BEGIN
  IF EXISTS (SELECT 1 FROM limit_holdings WHERE id = ANY (ids) AND NOT keys <@ locked) THEN PERFORM limits_moved(); END IF;
  RETURN ids;
END $$;

-- Ends the reservations of no replica that were not told for three hours. The ledgers are locked. What others have locked, or
-- has other ledgers now, is left to the next renewal. So is all for four seconds after a replica became silent: if the clock
-- was set forward, all did, and tell again what they know.
CREATE OR REPLACE FUNCTION limits_end_untold(now bigint, locked text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM limit_holdings WHERE owner = '' AND told < now - 10800000)
    OR EXISTS (SELECT 1 FROM limit_replicas WHERE silent AND deadline > now + 596000) THEN RETURN; END IF;
  PERFORM limits_remove(ARRAY(SELECT id FROM limit_holdings
    WHERE owner = '' AND told < now - 10800000 AND keys <@ locked ORDER BY id FOR UPDATE SKIP LOCKED));
END $$;

-- Times that are later than any can be were set before the clock was set back. They begin again now. The ledgers are locked.
CREATE OR REPLACE FUNCTION limits_rewind(now bigint, locked text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  UPDATE limit_replicas SET deadline = now + CASE WHEN silent THEN 600000 ELSE 10000 END WHERE replica IN (
    SELECT replica FROM limit_replicas WHERE deadline > now + CASE WHEN silent THEN 600000 ELSE 10000 END
    ORDER BY replica FOR UPDATE SKIP LOCKED
  );
  UPDATE limit_holdings SET told = now WHERE id IN (
    SELECT id FROM limit_holdings WHERE owner = '' AND told > now AND keys <@ locked ORDER BY id FOR UPDATE SKIP LOCKED
  );
END $$;

-- Whether the session of a replica is the present one.
CREATE OR REPLACE FUNCTION limits_known(sender jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN limits_valid() AND EXISTS (SELECT 1 FROM limit_replicas
    WHERE replica = sender->>'replica' AND NOT silent AND session = (sender->>'session')::bigint);
END $$;

-- Locks a replica and others. Begins a session of the replica, if it is a later one. Returns false if it is an earlier one.
-- Replicas that are not known are silent.
CREATE OR REPLACE FUNCTION limits_enter(sender jsonb, others text[], now bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  me text := sender->>'replica';
  mine bigint := (sender->>'session')::bigint;
BEGIN
  INSERT INTO limit_replicas AS at (replica, deadline, silent, session)
    SELECT DISTINCT one COLLATE "C" AS name, now + 600000, true, CASE WHEN one = me THEN mine ELSE 0 END
    FROM unnest(others || me) AS one ORDER BY name
    ON CONFLICT (replica) DO UPDATE SET session = excluded.session WHERE at.replica = me AND at.session < excluded.session;
  RETURN EXISTS (SELECT 1 FROM limit_replicas WHERE replica = me AND session = mine);
END $$;

-- Adds what ledgers lack of costs of a replica. The ledgers are locked. If the replica is forgotten, the balances may have
-- them already, and nothing knows their pages any more. So these balances are read again.
CREATE OR REPLACE FUNCTION limits_add_costs(holder text, costs jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one record;
  missing bigint;
  is_there boolean;
BEGIN
  IF jsonb_array_length(costs) = 0 THEN RETURN; END IF;
  is_there := EXISTS (SELECT 1 FROM limit_replicas WHERE replica = holder);
  FOR one IN SELECT cost->>'key' AS key, (cost->>'page')::bigint AS page, (cost->>'hour')::bigint AS hour,
    (cost->>'micros')::bigint AS micros FROM jsonb_array_elements(costs) AS cost
  LOOP
    CONTINUE WHEN EXISTS (
      SELECT 1 FROM limit_pages AS known WHERE known.key = one.key AND replica = holder AND known.page >= one.page
    );
    missing := one.micros - COALESCE((SELECT micros FROM limit_costs AS known
      WHERE known.key = one.key AND replica = holder AND known.page = one.page AND known.hour = one.hour), 0);
    CONTINUE WHEN missing <= 0;
    INSERT INTO limit_costs VALUES (one.key, holder, one.page, one.hour, one.micros)
      ON CONFLICT (key, replica, page, hour) DO UPDATE SET micros = excluded.micros;
    INSERT INTO limit_hours AS at (key, hour, micros) VALUES (one.key, one.hour, missing)
      ON CONFLICT (key, hour) DO UPDATE SET micros = at.micros + excluded.micros;
    UPDATE limit_ledgers SET total = total + missing, seeded = seeded AND is_there,
      day_sum = day_sum + CASE WHEN day_from <= one.hour THEN missing ELSE 0 END,
      week_sum = week_sum + CASE WHEN week_from <= one.hour THEN missing ELSE 0 END,
      month_sum = month_sum + CASE WHEN month_from <= one.hour THEN missing ELSE 0 END
      WHERE key = one.key;
  END LOOP;
END $$;

-- The ledgers of costs.
CREATE OR REPLACE FUNCTION limits_cost_keys(costs jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(SELECT DISTINCT cost->>'key' FROM jsonb_array_elements(costs) AS cost);
END $$;

-- The keys of all holdings of a list, and of those that the table has with these ids or this owner.
CREATE OR REPLACE FUNCTION limits_keys(items jsonb, holder text) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(
    SELECT jsonb_array_elements_text(item->'keys') FROM jsonb_array_elements(items) AS item
    UNION
    SELECT unnest(keys) FROM limit_holdings
      WHERE owner = holder OR id IN (SELECT item->>'id' FROM jsonb_array_elements(items) AS item)
  );
END $$;

-- Frees the slots of a replica, and keeps its reservations. The replica and the ledgers are locked.
CREATE OR REPLACE FUNCTION limits_silence(gone text, now bigint, locked text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  ids text[] := limits_held(gone, '{}', locked);
BEGIN
  WITH mine AS (
    SELECT * FROM limit_holdings WHERE id = ANY (ids)
  ), freed AS (
    UPDATE limit_holdings SET is_running = false, optimistic = '{}' WHERE id = ANY (ids)
  ), difference AS (
    SELECT key, sum(is_running::int) AS running, sum((key = ANY (optimistic))::int) AS optimistic
    FROM mine, unnest(keys) AS key GROUP BY key
  )
  UPDATE limit_ledgers AS ledger SET running = ledger.running - difference.running,
    optimistic = ledger.optimistic - difference.optimistic
  FROM difference WHERE ledger.key = difference.key;
  UPDATE limit_replicas SET silent = true, deadline = now + 600000 WHERE replica = gone;
END $$;

-- Releases all that a replica holds. The replica and the ledgers are locked.
CREATE OR REPLACE FUNCTION limits_forget(gone text, locked text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM limits_remove(limits_held(gone, '{}', locked));
  DELETE FROM limit_replicas WHERE replica = gone;
END $$;

CREATE OR REPLACE FUNCTION limits_add(ledgers text[], now bigint, more_requests bigint, more_tokens bigint)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO limit_seconds AS at (key, second, requests, tokens)
    SELECT DISTINCT one, now / 1000, more_requests, more_tokens FROM unnest(ledgers) AS one
    ON CONFLICT (key, second) DO UPDATE
      SET requests = at.requests + excluded.requests, tokens = at.tokens + excluded.tokens;
END $$;

-- The spending of a ledger since the start of an hour, and the sum for later.
CREATE OR REPLACE FUNCTION limits_since(ledger limit_ledgers, period text, first bigint)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  spent bigint;
BEGIN
  IF period = 'day' AND ledger.day_from = first THEN RETURN ledger.day_sum; END IF;
  IF period = 'week' AND ledger.week_from = first THEN RETURN ledger.week_sum; END IF;
  IF period = 'month' AND ledger.month_from = first THEN RETURN ledger.month_sum; END IF;
  SELECT COALESCE(sum(micros), 0) INTO spent FROM limit_hours WHERE key = ledger.key AND hour >= first;
  EXECUTE format('UPDATE limit_ledgers SET %1$s_from = $1, %1$s_sum = $2 WHERE key = $3', period)
    USING first, spent, ledger.key;
  RETURN spent;
END $$;

-- The milliseconds until the requests or tokens of the last 61 seconds are below a limit. Much later seconds are those of a
-- clock that was set back, and count no more.
CREATE OR REPLACE FUNCTION limits_ms_until(ledger text, now bigint, most bigint, of_tokens boolean)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  latest bigint := now / 1000;
  left_over bigint;
  one record;
BEGIN
  SELECT COALESCE(sum(CASE WHEN of_tokens THEN tokens ELSE requests END), 0) INTO left_over
    FROM limit_seconds WHERE key = ledger AND second > latest - 61 AND second <= latest + 61;
  IF left_over < most THEN RETURN greatest(0, latest * 1000 - now); END IF;
  FOR one IN SELECT second, CASE WHEN of_tokens THEN tokens ELSE requests END AS count
    FROM limit_seconds WHERE key = ledger AND second > latest - 61 AND second <= latest + 61 ORDER BY second LOOP
    left_over := left_over - one.count;
    IF left_over < most THEN RETURN greatest(0, (one.second + 61) * 1000 - now); END IF;
  END LOOP;
  RETURN (latest + 61) * 1000 - now;
END $$;

CREATE OR REPLACE FUNCTION limits_take(input jsonb, given bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now bigint;
  names text[] := ARRAY(
    SELECT one->>'key' FROM jsonb_array_elements(input->'ledgers') WITH ORDINALITY AS list (one, at)
    GROUP BY 1 ORDER BY min(at)
  );
  reservation jsonb := input->'reservation';
  more bigint := (reservation->>'micros')::bigint;
  excess bigint := greatest(0, COALESCE((reservation->>'mostMicros')::bigint, 0) - (reservation->>'micros')::bigint);
  unseeded text[];
  needs_balance boolean;
  beyond text[] := '{}';
  full_at int;
  item jsonb;
  limits jsonb;
  index int;
  ledger limit_ledgers;
  most bigint;
  sum_requests bigint;
  sum_tokens bigint;
  period record;
  spent bigint;
  remainder numeric;
  freed bigint;
  hour_start bigint := (input->>'hour')::bigint;
  from_hour bigint;
  held limit_holdings;
BEGIN
  IF NOT limits_join() OR NOT limits_known(input->'from') THEN RETURN '["unknown_replica"]'; END IF;
  PERFORM limits_lock(names);
  -- The session may have ended while this waited for the ledgers. It cannot end before this does.
  PERFORM 1 FROM limit_replicas WHERE replica = input->'from'->>'replica' AND NOT silent
    AND session = (input->'from'->>'session')::bigint FOR SHARE;
  IF NOT FOUND THEN RETURN '["unknown_replica"]'; END IF;
  now := limits_now(given);
  IF hour_start <> now - now % 3600000 THEN RETURN jsonb_build_array('other_hour', now); END IF;
  SELECT array_agg(one->>'key' ORDER BY at) FILTER (WHERE NOT seeded), count(*) > 0 INTO unseeded, needs_balance
    FROM jsonb_array_elements(input->'ledgers') WITH ORDINALITY AS list (one, at)
    JOIN limit_ledgers ON key = one->>'key'
    WHERE one ? 'maxRequests' OR one->'limits' ?| ARRAY['dayBudgetMicros', 'weekBudgetMicros', 'monthBudgetMicros',
      'totalBudgetMicros'];
  IF needs_balance AND limits_telling(now) > 0 THEN RETURN jsonb_build_array('telling', limits_telling(now)); END IF;
  IF unseeded IS NOT NULL THEN RETURN '["unseeded"]'::jsonb || to_jsonb(unseeded); END IF;

  FOR item, index IN SELECT one, at - 1 FROM jsonb_array_elements(input->'ledgers') WITH ORDINALITY AS list (one, at)
  LOOP
    limits := item->'limits';
    SELECT * INTO ledger FROM limit_ledgers WHERE key = item->>'key';
    IF ledger.requests >= (item->>'maxRequests')::bigint THEN
      RETURN jsonb_build_array('rejected', index, 'max_requests');
    END IF;
    IF ledger.running >= (limits->>'concurrentRequests')::bigint THEN
      RETURN jsonb_build_array('rejected', index, 'concurrent_requests');
    END IF;
    IF limits ?| ARRAY['requestsPerMinute', 'tokensPerMinute'] THEN
      SELECT COALESCE(sum(requests), 0), COALESCE(sum(tokens), 0) INTO sum_requests, sum_tokens
        FROM limit_seconds WHERE key = ledger.key AND second > now / 1000 - 61 AND second <= now / 1000 + 61;
    END IF;
    most := (limits->>'requestsPerMinute')::bigint;
    IF sum_requests >= most THEN
      RETURN jsonb_build_array('rejected', index, 'requests_per_minute', limits_ms_until(ledger.key, now, most, false));
    END IF;
    remainder := 'Infinity';
    IF NOT (input->>'isFree')::boolean THEN
      most := (limits->>'tokensPerMinute')::bigint - ledger.tokens;
      IF sum_tokens >= most THEN
        RETURN jsonb_build_array('rejected', index, 'tokens_per_minute',
          CASE WHEN most > 0 THEN limits_ms_until(ledger.key, now, most, true) ELSE 1000 END);
      END IF;
    END IF;
    FOR period IN SELECT name, (limits->>member)::bigint AS budget, input->'spans'->name AS span
      FROM (VALUES (1, 'day', 'dayBudgetMicros'), (2, 'week', 'weekBudgetMicros'), (3, 'month', 'monthBudgetMicros'),
        (4, 'total', 'totalBudgetMicros')) AS budgets (at, name, member)
      WHERE limits ? member ORDER BY at
    LOOP
      from_hour := (period.span->>'from')::bigint;
      spent := CASE WHEN period.name = 'total' THEN ledger.total ELSE
        limits_since(ledger, period.name, from_hour) END;
      remainder := least(remainder, period.budget - spent - ledger.micros);
      CONTINUE WHEN spent + ledger.micros < period.budget OR (input->>'isFree')::boolean;
      IF spent < period.budget THEN
        RETURN jsonb_build_array('rejected', index, 'budget', period.name, 'reserved');
      END IF;
      IF period.name = 'total' THEN RETURN jsonb_build_array('rejected', index, 'budget', 'total', 'spent'); END IF;
      IF period.span ? 'until' THEN
        RETURN jsonb_build_array('rejected', index, 'budget', period.name, 'spent',
          (period.span->>'until')::bigint - now);
      END IF;
      -- A rolling period must drop its oldest hours.
      SELECT hour INTO freed FROM (
        SELECT hour, spent - sum(micros) OVER (ORDER BY hour) AS rest FROM limit_hours
          WHERE key = ledger.key AND hour >= from_hour
      ) AS dropped WHERE rest < period.budget ORDER BY hour LIMIT 1;
      IF NOT FOUND THEN RETURN jsonb_build_array('rejected', index, 'budget', period.name, 'spent'); END IF;
      RETURN jsonb_build_array('rejected', index, 'budget', period.name, 'spent',
        freed + 3600000 + hour_start - from_hour - now);
    END LOOP;
    IF excess > 0 AND more + excess + ledger.excess > remainder THEN
      beyond := beyond || ledger.key;
      IF ledger.optimistic >= 4 THEN full_at := COALESCE(full_at, index); END IF;
    END IF;
  END LOOP;
  IF full_at IS NOT NULL THEN RETURN jsonb_build_array('rejected', full_at, 'optimistic'); END IF;

  INSERT INTO limit_holdings VALUES (input->>'id', input->'from'->>'replica', names, true, (reservation->>'tokens')::bigint, more,
    excess, beyond, now) ON CONFLICT (id) DO NOTHING RETURNING * INTO held;
  -- A message that arrives twice counts once.
  IF NOT FOUND THEN RETURN '["taken"]'; END IF;
  PERFORM limits_add(names, now, 1, 0);
  PERFORM limits_change(held, 1, 1);
  RETURN '["taken"]';
END $$;

CREATE OR REPLACE FUNCTION limits_count(minute jsonb, given bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  names text[] := ARRAY(SELECT jsonb_array_elements_text(minute->'keys'));
BEGIN
  IF NOT limits_join() THEN RETURN '[]'; END IF;
  PERFORM limits_lock(names);
  PERFORM limits_add(names, limits_now(given), (minute->>'requests')::bigint, (minute->>'tokens')::bigint);
  RETURN '[]';
END $$;

-- The operations of a batch have the ledgers that are locked. Others lock their own.
CREATE OR REPLACE FUNCTION limits_hold(input jsonb, given bigint, locked text[] DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now bigint := limits_now(given);
BEGIN
  IF NOT limits_join() THEN RETURN '[]'; END IF;
  IF locked IS NULL THEN
    locked := limits_keys(input->'holdings', NULL) || limits_cost_keys(input->'costs');
    PERFORM limits_lock(locked);
  END IF;
  PERFORM limits_add_costs(input->'from'->>'replica', input->'costs');
  IF NOT limits_enter(input->'from', ARRAY(
    SELECT one->>'owner' FROM jsonb_array_elements(input->'holdings') AS one WHERE one->>'owner' <> ''
  ), now) THEN RETURN '[]'; END IF;
  PERFORM limits_set_all(input->'holdings', now, locked);
  RETURN '[]';
END $$;

CREATE OR REPLACE FUNCTION limits_settle(input jsonb, given bigint, locked text[] DEFAULT NULL)
RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  held limit_holdings;
  used_tokens bigint := (input->>'tokens')::bigint;
BEGIN
  IF NOT limits_join() THEN RETURN '["unknown"]'; END IF;
  IF locked IS NULL THEN
    locked := ARRAY(SELECT unnest(keys) FROM limit_holdings WHERE id = input->>'id') || limits_cost_keys(input->'costs');
    PERFORM limits_lock(locked);
  END IF;
  PERFORM limits_add_costs(input->'from'->>'replica', input->'costs');
  DELETE FROM limit_holdings WHERE id = input->>'id' RETURNING * INTO held;
  IF NOT FOUND THEN RETURN '["unknown"]'; END IF;
  IF NOT held.keys <@ locked THEN PERFORM limits_moved(); END IF;
  PERFORM limits_change(held, -1, 0);
  IF used_tokens > 0 THEN PERFORM limits_add(held.keys, limits_now(given), 0, used_tokens); END IF;
  RETURN '["settled"]';
END $$;

-- Removes costs on pages that the balance of a ledger has. The ledger is locked.
CREATE OR REPLACE FUNCTION limits_drop_pages(ledger text, pages jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- Others send no late costs.
  INSERT INTO limit_pages AS at (key, replica, page)
    SELECT ledger, name, value::bigint FROM jsonb_each_text(pages) AS list (name, value)
    WHERE name IN (SELECT replica FROM limit_replicas)
    ON CONFLICT (key, replica) DO UPDATE SET page = greatest(at.page, excluded.page);
  WITH gone AS (
    DELETE FROM limit_costs WHERE key = ledger AND page <= (pages->>replica)::bigint RETURNING hour, micros
  ), sums AS (
    SELECT hour, sum(micros) AS micros FROM gone GROUP BY hour
  ), changed AS (
    UPDATE limit_hours AS at SET micros = at.micros - sums.micros FROM sums
    WHERE at.key = ledger AND at.hour = sums.hour
  )
  UPDATE limit_ledgers SET total = total - (SELECT COALESCE(sum(micros), 0) FROM sums) WHERE key = ledger;
  DELETE FROM limit_pages WHERE key = ledger AND replica NOT IN (SELECT replica FROM limit_replicas);
END $$;

-- How long no period of a budget needs an hour any more.
CREATE OR REPLACE FUNCTION limits_oldest(now bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  RETURN now - 62 * 86400000::bigint;
END $$;

CREATE OR REPLACE FUNCTION limits_raise(input jsonb, given bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  item jsonb;
  may_complete boolean;
  oldest bigint := limits_oldest(limits_now(given));
BEGIN
  IF NOT limits_join() THEN RETURN '[]'; END IF;
  PERFORM limits_lock(ARRAY(SELECT one->>'key' FROM jsonb_array_elements(input->'balances') AS one));
  may_complete := limits_telling(limits_now(given)) <= 0 AND limits_known(input->'from');
  FOR item IN SELECT jsonb_array_elements(input->'balances') LOOP
    UPDATE limit_ledgers SET seeded = seeded OR (may_complete AND NOT COALESCE((item->>'isPart')::boolean, false)),
      requests = greatest(requests, (item->>'requests')::bigint),
      total = total + greatest(0, (item->>'totalMicros')::bigint - base),
      base = greatest(base, (item->>'totalMicros')::bigint), day_from = NULL, week_from = NULL, month_from = NULL
      WHERE key = item->>'key';
    INSERT INTO limit_hours AS at (key, hour, micros, base)
      SELECT item->>'key', (one->>'start')::bigint, max((one->>'micros')::bigint), max((one->>'micros')::bigint)
      FROM jsonb_array_elements(item->'hours') AS one GROUP BY 2
      ON CONFLICT (key, hour) DO UPDATE SET micros = at.micros + greatest(0, excluded.base - at.base),
        base = greatest(at.base, excluded.base);
    IF NOT COALESCE((item->>'hasMore')::boolean, false) THEN
      PERFORM limits_drop_pages(item->>'key', input->'pages');
      DELETE FROM limit_hours WHERE key = item->>'key' AND hour < oldest;
      DELETE FROM limit_costs WHERE key = item->>'key' AND hour < oldest;
    END IF;
  END LOOP;
  RETURN '[]';
END $$;

-- Removes ledgers that have been unused for so long that no limit needs them. The next request of one reads its balance
-- from the database again. Locks of others are left to the next hour, so that this waits for nothing.
CREATE OR REPLACE FUNCTION limits_sweep(now bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  unused text[];
  oldest bigint := limits_oldest(now);
BEGIN
  unused := ARRAY(SELECT key FROM limit_ledgers AS ledger
    WHERE (running, tokens, micros, excess, optimistic) = (0, 0, 0, 0, 0)
      AND NOT EXISTS (SELECT 1 FROM limit_hours WHERE key = ledger.key AND hour >= oldest)
      AND NOT EXISTS (SELECT 1 FROM limit_seconds WHERE key = ledger.key)
    LIMIT 1000 FOR UPDATE SKIP LOCKED);
  -- What others have written before these locks is seen from here on.
  unused := ARRAY(SELECT key FROM limit_ledgers AS ledger WHERE key = ANY (unused)
    AND (running, tokens, micros, excess, optimistic) = (0, 0, 0, 0, 0)
    AND NOT EXISTS (SELECT 1 FROM limit_hours WHERE key = ledger.key AND hour >= oldest)
    AND NOT EXISTS (SELECT 1 FROM limit_seconds WHERE key = ledger.key));
  DELETE FROM limit_ledgers WHERE key = ANY (unused);
  DELETE FROM limit_hours WHERE key = ANY (unused);
  DELETE FROM limit_costs WHERE key = ANY (unused);
  DELETE FROM limit_pages WHERE key = ANY (unused);
END $$;

CREATE OR REPLACE FUNCTION limits_renew(input jsonb, given bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now bigint := limits_now(given);
  me text := input->'from'->>'replica';
  gone text;
  is_silent boolean;
  is_known boolean;
  state limit_state;
  locked text[];
BEGIN
  PERFORM limits_begin(now);
  PERFORM limits_join();
  locked := ARRAY(
    SELECT unnest(limits_keys('[]', CASE WHEN input ? 'heldIds' THEN me END))
    UNION
    SELECT unnest(keys) FROM limit_holdings WHERE owner IN (SELECT replica FROM limit_replicas WHERE deadline <= now)
    UNION
    SELECT unnest(keys) FROM limit_holdings WHERE owner = '' AND (told < now - 10800000 OR told > now)
  );
  PERFORM limits_lock(locked);
  -- Session 0 is earlier than all others, so that this only locks the replica.
  PERFORM limits_enter(jsonb_build_object('replica', me, 'session', 0), '{}', now);
  PERFORM limits_rewind(limits_now(given), locked);
  -- A replica whose row is locked may be renewing now, and one with further ledgers is not silent. Both are left to the next
  -- renewal, so that this waits for nothing while it has rows of other replicas.
  FOR gone, is_silent IN
    SELECT replica, silent FROM limit_replicas WHERE deadline <= now ORDER BY replica FOR UPDATE SKIP LOCKED
  LOOP
    CONTINUE WHEN EXISTS (SELECT 1 FROM limit_holdings WHERE owner = gone AND NOT keys <@ locked);
    IF is_silent THEN PERFORM limits_forget(gone, locked); ELSE PERFORM limits_silence(gone, now, locked); END IF;
  END LOOP;
  DELETE FROM limit_seconds WHERE ctid IN (
    SELECT ctid FROM limit_seconds WHERE second < now / 1000 - 61 OR second > now / 1000 + 61 FOR UPDATE SKIP LOCKED
  );
  is_known := limits_known(input->'from');
  IF is_known THEN PERFORM limits_end_untold(now, locked); END IF;
  IF limits_enter(input->'from', '{}', now) THEN
    IF input ? 'heldIds' THEN
      PERFORM limits_remove(limits_held(me, ARRAY(SELECT jsonb_array_elements_text(input->'heldIds')), locked));
    END IF;
    UPDATE limit_replicas SET deadline = now + 10000, silent = false WHERE replica = me;
  END IF;
  SELECT * INTO state FROM limit_state FOR UPDATE;
  IF state.born > limits_now(given) THEN UPDATE limit_state SET born = limits_now(given); END IF;
  -- After the lock of the state, as in limits_guess.
  DELETE FROM limit_guesses WHERE last < greatest(now - 3600000,
    (SELECT last FROM limit_guesses ORDER BY last DESC OFFSET 9999 LIMIT 1));
  IF COALESCE(state.swept, 0) <= now - 3600000 OR state.swept > limits_now(given) THEN
    PERFORM limits_sweep(now);
    UPDATE limit_state SET swept = now;
  END IF;
  RETURN jsonb_build_array(is_known::int, now, state.mark, (
    SELECT COALESCE(jsonb_agg(each ORDER BY mark, at), '[]') FROM (
      SELECT mark, 1 AS at, to_jsonb(address) AS each FROM limit_guesses
        WHERE mark > (input->>'waitsMark')::bigint AND until > now
      UNION ALL
      SELECT mark, 2, to_jsonb(least(900000, until - now)) FROM limit_guesses
        WHERE mark > (input->>'waitsMark')::bigint AND until > now
    ) AS pairs
  ));
END $$;

CREATE OR REPLACE FUNCTION limits_leave(input jsonb, given bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  gone text := input->>'replica';
  locked text[];
BEGIN
  IF NOT limits_join() THEN RETURN '[]'; END IF;
  locked := limits_keys('[]', gone);
  PERFORM limits_lock(locked);
  PERFORM 1 FROM limit_replicas WHERE replica = gone FOR UPDATE;
  PERFORM limits_forget(gone, locked);
  RETURN '[]';
END $$;

CREATE OR REPLACE FUNCTION limits_guess(input jsonb, given bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  now bigint;
  one limit_guesses;
  new_mark bigint;
BEGIN
  -- All guesses take turns: they are rare, and each wait needs the next mark.
  INSERT INTO limit_state (mark) VALUES (0) ON CONFLICT DO NOTHING;
  PERFORM 1 FROM limit_state FOR UPDATE;
  now := limits_now(given);
  -- The count of an address begins again after an hour without a wrong token.
  DELETE FROM limit_guesses WHERE address = input->>'group' AND last < now - 3600000;
  INSERT INTO limit_guesses (address, last) VALUES (input->>'group', now)
    ON CONFLICT (address) DO UPDATE SET last = excluded.last RETURNING * INTO one;
  IF NOT (one.seen @> ARRAY[input->>'guess']) THEN
    IF cardinality(one.seen) < 10 THEN one.seen := one.seen || (input->>'guess'); END IF;
    one.failures := one.failures + 1;
    IF one.failures >= 5 THEN
      one.until := now + least(15000 * 2 ^ least(one.failures - 5, 30), 900000)::bigint;
      UPDATE limit_state SET mark = mark + 1 RETURNING mark INTO new_mark;
      one.mark := new_mark;
    END IF;
    UPDATE limit_guesses SET seen = one.seen, failures = one.failures, until = one.until, mark = one.mark
      WHERE address = one.address;
  END IF;
  RETURN jsonb_build_array(least(900000, greatest(0, one.until - now)));
END $$;

-- Several operations in a row: an array of names and arguments. Their ledgers are locked together, because one
-- transaction must not lock ledgers after others.
CREATE OR REPLACE FUNCTION limits_batch(input jsonb, given bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
  item jsonb;
  answers jsonb := '[]';
  locked text[];
BEGIN
  IF limits_join() THEN
    locked := ARRAY(
      SELECT one->>'key' FROM jsonb_array_elements(input) AS op, jsonb_array_elements(op->1->'ledgers') AS one
      UNION
      SELECT jsonb_array_elements_text(op->1->'keys') FROM jsonb_array_elements(input) AS op
      UNION
      SELECT unnest(limits_cost_keys(op->1->'costs')) FROM jsonb_array_elements(input) AS op WHERE op->1 ? 'costs'
      UNION
      SELECT unnest(limits_keys(op->1->'holdings', NULL)) FROM jsonb_array_elements(input) AS op WHERE op->>0 = 'hold'
      UNION
      SELECT unnest(keys) FROM limit_holdings WHERE id IN (
        SELECT op->1->>'id' FROM jsonb_array_elements(input) AS op WHERE op->>0 = 'settle'
      )
    );
    PERFORM limits_lock(locked);
  END IF;
  FOR item IN SELECT jsonb_array_elements(input) LOOP
    answers := answers || jsonb_build_array(CASE item->>0
      WHEN 'take' THEN limits_take(item->1, given)
      WHEN 'settle' THEN limits_settle(item->1, given, locked)
      WHEN 'hold' THEN limits_hold(item->1, given, locked)
      WHEN 'count' THEN limits_count(item->1, given)
    END);
  END LOOP;
  RETURN answers;
END $$;
