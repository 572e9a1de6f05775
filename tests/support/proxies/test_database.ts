/**
 * The database of a proxy in a test: a SQLite file, or with `LLM_PROXY_TEST_DATABASE=postgres` a database of
 * PostgreSQL. So the tests of people, roles and sign-ins run over both.
 */

import { DatabaseSync } from "node:sqlite";
import { openStore } from "../../../src/storage/open.ts";
import type { Store } from "../../../src/storage/store.ts";
import { writeEmptyDatabase } from "../data/empty_database.ts";
import type { PostgresServer } from "../processes/postgres_server.ts";

export const IS_POSTGRES: boolean = Deno.env.get("LLM_PROXY_TEST_DATABASE") === "postgres";
/** It is loaded before the first test, because it starts a server, and runs without it have none. */
const shared = IS_POSTGRES ? await import("../processes/shared_postgres.ts") : undefined;

/** A database that a test fills, and that nobody else uses. */
export interface TestDatabase {
  readonly url: string;
  /** PostgreSQL needs one. SQLite makes a file with one. */
  readonly encryptionKey?: Uint8Array<ArrayBuffer>;
  /** All that it stores, as text, by file or by table. */
  readonly contents: () => Promise<ReadonlyMap<string, string>>;
  /** Runs a statement that no store has. */
  readonly execute: (sql: string) => Promise<void>;
  /** Removes what it stores. */
  readonly dispose: () => Promise<void>;
}

/** Makes an empty database with all tables. */
export function testDatabase(): Promise<TestDatabase> {
  return shared === undefined ? inFile() : inPostgres(shared.postgres());
}

/** Opens the database as another program does. */
export function otherStoreOf({ url }: TestDatabase): Promise<Store> {
  return Promise.resolve(openStore(url));
}

async function inFile(): Promise<TestDatabase> {
  const folder = await Deno.makeTempDir();
  await writeEmptyDatabase(`${folder}/test.db`);
  return {
    url: `sqlite:${folder}/test.db`,
    async contents() {
      const texts = new Map<string, string>();
      for await (const { name } of Deno.readDir(folder)) {
        texts.set(name, new TextDecoder("latin1").decode(await Deno.readFile(`${folder}/${name}`)));
      }
      return texts;
    },
    execute(sql) {
      using database = new DatabaseSync(`${folder}/test.db`);
      database.exec(sql);
      return Promise.resolve();
    },
    dispose: () => Deno.remove(folder, { recursive: true }),
  };
}

async function inPostgres(server: PostgresServer): Promise<TestDatabase> {
  const name = await server.takeDatabase();
  return {
    url: server.url(name),
    encryptionKey: new Uint8Array(32),
    async contents() {
      const tables = await server.admin("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name);
      const texts = new Map<string, string>();
      for (const { tablename } of tables) {
        const rows = await server.admin(
          `SELECT row_to_json(one)::text AS text FROM "${tablename}" AS one`,
          name,
        );
        texts.set(String(tablename), rows.map(({ text }) => text).join("\n"));
      }
      return texts;
    },
    execute: async (sql) => void await server.admin(sql, name),
    dispose: () => Promise.resolve(server.giveBack(name)),
  };
}
