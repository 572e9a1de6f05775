/** All functions of the shared counts in PostgreSQL, two at a time on the same ledgers: no deadlock. */

import { assertEquals } from "@std/assert";
import { connectLimits } from "../../../src/limits/shared/postgres/connect_limits.ts";
import { PostgresLimitsServer } from "../../../src/limits/shared/postgres/postgres_server.ts";
import { RemoteLimits } from "../../../src/limits/shared/remote_limits.ts";
import { versionedNames } from "../../../src/limits/shared/postgres/versioned_names.ts";
import type { PostgresPool } from "../../../src/storage/postgres/pool.ts";
import { withoutPostgres, withPool } from "../../support/processes/postgres_server.ts";
import { postgres } from "../../support/processes/shared_postgres.ts";
import { unless } from "../../support/runner/left_out.ts";

const versioned = await versionedNames();

/** How long two functions run at the same time. */
const PAIR_MS = 20;

/** Random arguments of the functions. Most languages sort the names of the ledgers in another way. */
const ARGUMENTS = `
  CREATE FUNCTION a_few(names text[], most int) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_agg(name ORDER BY random()) FROM (
      SELECT name FROM unnest(names) AS name ORDER BY random() LIMIT 1 + floor(random() * most)
    ) AS chosen $$;
  CREATE FUNCTION used_keys() RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT a_few('{a,B,c,D}', 3) $$;
  CREATE FUNCTION all_keys() RETURNS jsonb LANGUAGE sql VOLATILE AS $$ SELECT a_few('{a,B,c,D,e,F,g,H}', 3) $$;
  CREATE FUNCTION sender(name text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_build_object('replica', name, 'session', 1) $$;
  CREATE FUNCTION costs() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_agg(jsonb_build_object('key', key, 'page', 1, 'hour', 0, 'micros', floor(random() * 100)))
    FROM jsonb_array_elements(used_keys()) AS key $$;
  CREATE FUNCTION holdings(owners text[]) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_agg(jsonb_build_object('id', id, 'owner', owners[1 + floor(random() * cardinality(owners))],
      'keys', all_keys(), 'isRunning', false, 'tokens', 0, 'micros', 1, 'excessMicros', 0))
    FROM jsonb_array_elements(a_few('{1,2,3,4}', 3)) AS id $$;
  CREATE FUNCTION taken(id text) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_build_object('from', sender('a'), 'id', id, 'isFree', false, 'spans', '{}'::jsonb,
      'hour', floor(extract(epoch FROM clock_timestamp()) / 3600) * 3600000, 'reservation', '{"tokens": 1, "micros": 1}'::jsonb,
      'ledgers', (SELECT jsonb_agg(jsonb_build_object('key', key, 'limits', '{}'::jsonb))
        FROM jsonb_array_elements(used_keys()) AS key)) $$;
  CREATE FUNCTION settled(costs jsonb) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_build_object('from', sender('a'), 'id', a_few('{1,2,3,4}', 0)->>0, 'tokens', 0, 'costs', costs) $$`;

const renewal = (replica: string) =>
  `jsonb_build_object('from', sender('${replica}'), 'waitsMark', 0, 'heldIds', a_few('{1,2,3,4}', 3))`;

/** One call of each function, and those of a renewal with each kind of work. */
const CALLS: Readonly<Record<string, string>> = {
  take: "PERFORM limits_take(taken(gen_random_uuid()::text), NULL)",
  settle: "PERFORM limits_settle(settled('[]'), NULL)",
  "settle with costs": "PERFORM limits_settle(settled(costs()), NULL)",
  "hold objects": `PERFORM limits_hold(jsonb_build_object('from', sender('b'), 'holdings', holdings('{""}'),
    'costs', costs()), NULL)`,
  "hold requests":
    `PERFORM limits_hold(jsonb_build_object('from', sender('b'), 'holdings', holdings('{a,b,c}'),
    'costs', '[]'::jsonb), NULL)`,
  count: "PERFORM limits_count(jsonb_build_object('keys', used_keys(), 'requests', 1, 'tokens', 1), NULL)",
  raise:
    `PERFORM limits_raise(jsonb_build_object('from', sender('a'), 'pages', '{"a": 0, "b": 1}'::jsonb, 'balances', (
    SELECT jsonb_agg(jsonb_build_object('key', key, 'requests', 1, 'totalMicros', 1,
      'hours', '[{"start": 0, "micros": 1}]'::jsonb)) FROM jsonb_array_elements(used_keys()) AS key)), NULL)`,
  renew: `PERFORM limits_renew(${renewal("a")}, NULL)`,
  "renew and silence": `UPDATE limit_replicas SET deadline = 0 WHERE replica = 'b'; COMMIT;
    PERFORM limits_renew(${renewal("c")}, NULL)`,
  "renew and forget": `UPDATE limit_replicas SET deadline = 0, silent = true WHERE replica = 'a'; COMMIT;
    PERFORM limits_renew(${renewal("b")}, NULL)`,
  "renew and end reservations": `UPDATE limit_holdings SET told = 0 WHERE owner = '' AND id = '1'; COMMIT;
    PERFORM limits_renew(${renewal("a")}, NULL)`,
  "renew and sweep": `UPDATE limit_state SET swept = NULL; COMMIT; PERFORM limits_renew(${
    renewal("a")
  }, NULL)`,
  "renew and begin": `UPDATE limit_state SET run = ''; COMMIT; PERFORM limits_renew(${renewal("a")}, NULL)`,
  leave: 'PERFORM limits_leave(\'{"replica": "b"}\', NULL)',
  guess: `PERFORM limits_guess(jsonb_build_object('group', a_few('{1,2,3}', 0)->>0,
    'guess', gen_random_uuid()::text), NULL)`,
  batch: `PERFORM limits_batch(jsonb_build_array(
    jsonb_build_array('hold', jsonb_build_object('from', sender('a'), 'holdings', holdings('{""}'), 'costs', costs())),
    jsonb_build_array('settle', settled(costs())),
    jsonb_build_array('take', taken(gen_random_uuid()::text)),
    jsonb_build_array('count', jsonb_build_object('keys', used_keys(), 'requests', 1, 'tokens', 1))), NULL)`,
};

/** Calls a function for a while, each time in a separate transaction. A holding that moves is no failure. */
const repeated = (call: string, ms: number) => {
  const parts = call.split("COMMIT;");
  const before = parts.slice(0, -1).map((part) => `${part} COMMIT;`).join(" ");
  return versioned(`DO $$ DECLARE until timestamptz := clock_timestamp() + interval '${ms} ms'; BEGIN
    WHILE clock_timestamp() < until LOOP
      ${before} BEGIN ${parts.at(-1)}; EXCEPTION WHEN serialization_failure THEN NULL; END; COMMIT;
    END LOOP; END $$`);
};

/** Runs two functions at the same time. Returns why one of them failed. */
async function runBoth(pool: PostgresPool, names: readonly [string, string]): Promise<string[]> {
  const runs = [...names, ...names].map((name) => pool.all(repeated(CALLS[name] ?? "", PAIR_MS)));
  return (await Promise.allSettled(runs)).flatMap((run) =>
    run.status === "fulfilled" ? [] : [`${names.join(", ")}: ${run.reason}`]
  );
}

Deno.test({
  ...unless(withoutPostgres(), "PostgresLimitsServer: no two functions wait for each other"),
  async fn() {
    const name = await postgres().takeDatabase();
    const url = postgres().url(name);
    await postgres().admin(`ALTER DATABASE ${name} SET deadlock_timeout = '5ms'`);
    const limits = new RemoteLimits(new PostgresLimitsServer({ connect: () => connectLimits(url) }));
    await limits.leave("nobody");
    const failures: string[] = [];
    await withPool(url, async (pool) => {
      await pool.all(ARGUMENTS);
      for (const replica of ["a", "b"]) {
        await limits.renew({ from: { replica, session: 1 }, waitsMark: 0, heldIds: [] });
      }
      const names = Object.keys(CALLS);
      for (const [index, one] of names.entries()) {
        for (const other of names.slice(index)) failures.push(...await runBoth(pool, [one, other]));
      }
    });
    await limits.close();
    const [stats] = await postgres().admin(
      `SELECT deadlocks::int AS n FROM pg_stat_database WHERE datname = '${name}'`,
    );
    await postgres().dropDatabase(name);
    assertEquals([failures, stats?.["n"]], [[], 0]);
  },
});
