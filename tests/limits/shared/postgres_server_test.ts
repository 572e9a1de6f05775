import { connectLimits } from "../../../src/limits/shared/postgres/connect_limits.ts";
import { PostgresLimitsServer } from "../../../src/limits/shared/postgres/postgres_server.ts";
import { RemoteLimits } from "../../../src/limits/shared/remote_limits.ts";
import type { SharedLimits } from "../../../src/limits/shared/shared_limits.ts";
import { withoutPostgres, withPool } from "../../support/processes/postgres_server.ts";
import { postgres } from "../../support/processes/shared_postgres.ts";
import type { FakeClock } from "../../support/time/fake_clock.ts";
import { sharedContract } from "./contract.ts";
import { loadTests } from "./load.ts";
import { sameAsModel } from "./same_as_model.ts";

const EMPTY = `DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE tablename LIKE 'limit\\_%' LOOP
    EXECUTE 'TRUNCATE ' || name;
  END LOOP;
END $$`;

async function open(clock: FakeClock): Promise<SharedLimits> {
  const url = postgres().url("postgres");
  await withPool(url, (pool) => pool.all(EMPTY));
  return new RemoteLimits(
    new PostgresLimitsServer({ connect: () => connectLimits(url), now: clock.epochMs }),
  );
}

const reason = withoutPostgres();
sharedContract("PostgresLimitsServer", { reason, open });
sameAsModel("PostgresLimitsServer", { reason, open }, 12);
loadTests("PostgresLimitsServer", {
  reason,
  open: () =>
    Promise.resolve(
      new RemoteLimits(
        new PostgresLimitsServer({ connect: () => connectLimits(postgres().url("postgres")) }),
      ),
    ),
});
