/** Ways to reach a PostgreSQL: with passwords, with TLS, and by way of PgBouncer. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { parsePostgresUrl } from "../../src/network/postgres_url.ts";
import { inspectStore } from "../../src/storage/inspect.ts";
import { openStore } from "../../src/storage/open.ts";
import { findServer } from "../../src/storage/postgres/server.ts";
import { StoreError } from "../../src/storage/store.ts";
import { AT, auditRow, projectRow, tokenRow } from "../support/data/rows.ts";
import { startPgBouncer } from "../support/processes/pgbouncer.ts";
import { PostgresServer, withoutPostgres, withPool } from "../support/processes/postgres_server.ts";
import { inDatabase, postgres } from "../support/processes/shared_postgres.ts";
import { firstOf, unless, without } from "../support/runner/left_out.ts";
import { until } from "../support/time/deadline.ts";
import { storeContract } from "./contract.ts";
import { KEPT_CHANGES } from "../../src/storage/postgres/access_changes.ts";

const TLS = new URL("../support/tls", import.meta.url).pathname;
const isPlain = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

Deno.test({
  ...unless(withoutPostgres(), "postgres: sslmode decides about TLS and about the certificate"),
  async fn() {
    await using server = await PostgresServer.start({
      settings: ["ssl = on", "ssl_cert_file = 'server.crt'", "ssl_key_file = 'server.key'"],
      files: { "server.crt": `${TLS}/cert.pem`, "server.key": `${TLS}/key.pem` },
    });
    const usesTls = (host: string, parameters: string) =>
      withPool(server.url("migrated", parameters).replace("127.0.0.1", host), async (pool) => {
        const row = await pool.get(isPlain);
        return row?.["ssl"];
      });
    assertEquals(await usesTls("127.0.0.1", ""), true, "prefer");
    assertEquals(await usesTls("127.0.0.1", "?sslmode=disable"), false);
    assertEquals(await usesTls("127.0.0.1", "?sslmode=require"), true);
    const trusted = `&sslrootcert=${TLS}/ca.pem`;
    assertEquals(await usesTls("localhost", `?sslmode=verify-full${trusted}`), true);
    assertEquals(await usesTls("localhost", `?sslmode=verify-ca${trusted}`), true);
    for (
      const parameters of [
        "?sslmode=verify-full",
        `?sslmode=verify-ca&sslrootcert=${TLS}/other_ca.pem`,
        `?sslmode=require&sslrootcert=${TLS}/other_ca.pem`,
      ]
    ) {
      const error = await assertRejects(() => usesTls("localhost", parameters), StoreError, "not trusted");
      assertEquals(error.kind, "unreachable");
    }
    await assertRejects(
      () => usesTls("localhost", "?sslmode=verify-full&sslrootcert=/none.pem"),
      StoreError,
      "/none.pem",
    );
  },
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: a server without TLS is used by default, and rejected if sslmode requires it",
  ),
  async fn() {
    const url = (mode: string) => postgres().url("migrated", `?sslmode=${mode}`);
    assertEquals(await withPool(url("prefer"), (pool) => pool.get(isPlain)), { ssl: false });
    await assertRejects(
      () => withPool(url("require"), () => Promise.resolve()),
      StoreError,
      "does not support TLS",
    );
  },
});

Deno.test({
  ...unless(
    withoutPostgres(),
    "postgres: a password file has the password of the database, by the first line that fits",
  ),
  async fn() {
    await using server = await PostgresServer.start({
      access: ["host all locked 127.0.0.1/32 scram-sha-256"],
    });
    await server.admin(`CREATE ROLE locked LOGIN PASSWORD 'a:b\\c'`);
    const file = `${server.folder}/passwords`;
    const url = server.url("migrated", `?passfile=${file}`).replace("tester@", "locked@");
    await Deno.writeTextFile(
      file,
      `# a comment\nother:5432:*:*:x\n*:${server.port}:migrated:locked:a\\:b\\\\c\n*:*:*:*:y\n`,
    );
    assertEquals(await withPool(url, (pool) => pool.get("SELECT current_user AS me")), { me: "locked" });
    await Deno.writeTextFile(file, "127.0.0.1:*:*:locked:wrong-password\n");
    const error = await assertRejects(() => openStore(url), StoreError, "rejects the user or the password");
    assert(!Deno.inspect(error, { depth: 9 }).includes("wrong-password"));
    await Deno.writeTextFile(file, "127.0.0.1:1:*:*:x\n");
    await assertRejects(() => openStore(url), StoreError, "has no line for this database");
    await assertRejects(() => openStore(server.url("migrated", "?passfile=/none")), StoreError, "/none");
  },
});

const withoutPgBouncer = firstOf(withoutPostgres(), without("pgbouncer"));

Deno.test({
  ...unless(
    withoutPgBouncer,
    "postgres: PgBouncer in transaction mode is noticed, and changes are seen by asking",
  ),
  fn: () =>
    inDatabase(async (url, name) => {
      await using bouncer = await startPgBouncer(postgres());
      const parsed = parsePostgresUrl(bouncer.url(name));
      assert(!("problems" in parsed));
      assertEquals((await findServer(parsed)).isPooled, true);
      assertEquals((await inspectStore(bouncer.url(name))).isPooled, true);
      assertEquals((await inspectStore(url)).isPooled, false);
      const [store, other] = [await openStore(bouncer.url(name)), await openStore(url)];
      const { position } = await store.readAccess();
      await other.addProject(projectRow("p1"), auditRow("project.create", "p1"));
      await until(() => store.hasAccessChanged(position), "the change to be seen");
      const changes = await store.readAccessChanges(position);
      assertEquals(changes?.projects.map(({ id }) => id), ["p1"]);
      await store.addToken(tokenRow("t1", "p1"), auditRow("token.create", "t1"));
      await store.changeToken({ id: "t1", version: 1 }, { revokedAt: AT }, auditRow("token.revoke", "t1"));
      assertEquals((await other.findToken("t1"))?.revokedAt, AT);
      await store.close();
      await other.close();
    }),
});

storeContract("postgres by PgBouncer", async () => {
  const name = await postgres().takeDatabase();
  const bouncer = await startPgBouncer(postgres());
  return {
    isNotified: true,
    keptChanges: KEPT_CHANGES,
    open: () => openStore(bouncer.url(name)),
    async dispose() {
      await bouncer[Symbol.asyncDispose]();
      postgres().giveBack(name);
    },
  };
  // The tests of the adapter itself try more combinations.
}, { reason: withoutPgBouncer, every: 9 });
