/** A real PostgreSQL for tests, with its data in a temporary folder. */

import { migrate } from "../../../src/storage/postgres/migrate.ts";
import { PostgresPool } from "../../../src/storage/postgres/pool.ts";
import { findServer } from "../../../src/storage/postgres/server.ts";
import { parsePostgresUrl } from "../../../src/network/postgres_url.ts";
import type { Reason } from "../runner/left_out.ts";
import { command } from "./command.ts";
import { freePort, listening } from "./port.ts";

/** Where Debian and others put the programs of the server. */
const FOLDERS = ["/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt/postgresql"];
/** The databases of tests are copies of this one, which has all tables. */
const TEMPLATE = "migrated";
/** The account of the server, where the tests run as root, whom the server refuses. */
const ACCOUNT = "postgres";

/** Empties all tables of a store. */
const EMPTY = `DO $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'exchanges'::regclass LOOP EXECUTE 'DROP TABLE ' || name;
  END LOOP;
  SELECT string_agg(tablename, ', ') INTO name FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'schema_migrations';
  EXECUTE 'TRUNCATE ' || name || ' RESTART IDENTITY';
  ALTER SEQUENCE exchanges_seq RESTART;
END $$`;

/** Why no PostgreSQL can be started here. */
export function withoutPostgres(): Reason {
  if (Deno.build.os === "windows") return "Windows is no Unix";
  if (programs() === undefined) return "postgresql is not installed";
  return Deno.uid() === 0 && account() === undefined ? `there is no account ${ACCOUNT}` : undefined;
}

/** A server that runs until it is disposed of, or until the process of the tests ends. */
export class PostgresServer implements AsyncDisposable {
  readonly port: number = freePort();
  readonly folder: string;
  #child: Deno.ChildProcess | undefined;
  #count = 0;
  readonly #free: string[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Creates the data of a server, and starts it. `settings` are lines of postgresql.conf, and `access` are
   * the first lines of pg_hba.conf: without them, everyone may connect without a password. `files` are copied
   * into the folder of the data.
   */
  static async start(
    { settings = [], access = [], files = {} }: {
      settings?: readonly string[];
      access?: readonly string[];
      files?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<PostgresServer> {
    const server = new PostgresServer(await Deno.makeTempDir({ prefix: "pg" }));
    if (Deno.uid() === 0) await Deno.chown(server.folder, account()?.uid ?? null, account()?.gid ?? null);
    const data = `${server.folder}/data`;
    const { success, stderr } = await asAccount(`${programs()}/initdb`, [
      ...["--pgdata", data, "--username", "tester", "--auth", "trust", "--no-sync", "--locale", "C.UTF-8"],
    ]).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    await Deno.writeTextFile(
      `${data}/postgresql.conf`,
      [
        `port = ${server.port}`,
        "listen_addresses = '127.0.0.1'",
        `unix_socket_directories = '${server.folder}'`,
        ...["fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_connections = 200"],
        ...["autovacuum = off", "shared_buffers = 64MB", "max_wal_size = 2GB"],
        ...settings,
        "",
      ].join("\n"),
      { append: true },
    );
    const rules = await Deno.readTextFile(`${data}/pg_hba.conf`);
    for (const [name, source] of Object.entries(files)) {
      await Deno.writeTextFile(`${data}/${name}`, await Deno.readTextFile(source), { mode: 0o600 });
      if (Deno.uid() === 0) {
        await Deno.chown(`${data}/${name}`, account()?.uid ?? null, account()?.gid ?? null);
      }
    }
    await Deno.writeTextFile(`${data}/pg_hba.conf`, [...access, rules].join("\n"));
    await server.resume();
    await server.admin(`CREATE DATABASE ${TEMPLATE}`);
    await withPool(server.url(TEMPLATE), migrate);
    return server;
  }

  /** The URL of a database. */
  url(database: string, parameters = ""): string {
    return `postgres://tester@127.0.0.1:${this.port}/${database}${parameters}`;
  }

  /** The URL of a database by way of the socket. */
  socketUrl(database: string): string {
    return `postgres:///${database}?host=${this.folder}&port=${this.port}&user=tester`;
  }

  /**
   * Gives the name of an empty database with all tables. A used one is emptied, which takes a tenth of the
   * time.
   */
  async takeDatabase(): Promise<string> {
    const used = this.#free.pop();
    if (used !== undefined) {
      await this.admin(EMPTY, used);
      return used;
    }
    const name = `test_${++this.#count}`;
    await this.admin(`CREATE DATABASE ${name} TEMPLATE ${TEMPLATE}`);
    return name;
  }

  /** Gives back a database that no store has open. */
  giveBack(name: string): void {
    this.#free.push(name);
  }

  /** Removes a database, and ends its connections. */
  async dropDatabase(name: string): Promise<void> {
    await this.admin(`DROP DATABASE ${name} WITH (FORCE)`);
  }

  /** Runs a statement of the owner of the server, in a database. */
  async admin(sql: string, database = "postgres"): Promise<Record<string, unknown>[]> {
    return await withPool(this.url(database), (pool) => pool.all(sql));
  }

  /** Starts the server again after {@link stop}. */
  async resume(): Promise<void> {
    // A second shell ends the server when its input ends: with the process of the tests, however that ends.
    // Without a word on what to do with the data, it goes too.
    const script = `exec 3<&0
      { read -r word; kill -INT $$; while kill -0 $$; do sleep 0.05; done; [ "$word" = keep ] || rm -rf "$1"; } \\
        <&3 >/dev/null 2>&1 &
      exec "$0" -D "$1/data" >"$1/log" 2>&1 3<&-`;
    this.#child = asAccount("sh", ["-c", script, `${programs()}/postgres`, this.folder], { stdin: "piped" })
      .spawn();
    await listening(this.port, "postgres");
    await this.#answers();
  }

  /** Stops the server. Its data stays. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    const writer = child?.stdin.getWriter();
    await writer?.write(new TextEncoder().encode("keep\n"));
    await writer?.close();
    await child?.stderr.cancel();
    await child?.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await Deno.remove(this.folder, { recursive: true });
  }

  /** A server listens before it answers. */
  async #answers(): Promise<void> {
    for (;;) {
      try {
        await withPool(this.url("postgres"), () => Promise.resolve());
        return;
      } catch (error) {
        if (!(error instanceof Error) || !/starts|stops/.test(error.message)) throw error;
      }
    }
  }
}

/** Opens a pool for some work. */
export async function withPool<Result>(
  url: string,
  work: (pool: PostgresPool) => Promise<Result>,
): Promise<Result> {
  const parsed = parsePostgresUrl(url);
  if ("problems" in parsed) throw new Error(parsed.problems.join());
  const pool = new PostgresPool(await findServer(parsed));
  try {
    return await work(pool);
  } finally {
    await pool.close();
  }
}

function asAccount(program: string, args: string[], options: Deno.CommandOptions = {}): Deno.Command {
  const { uid, gid } = Deno.uid() === 0 ? account() ?? {} : {};
  return command(program, {
    args,
    stdout: "null",
    stderr: "piped",
    cwd: "/tmp",
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...options,
  });
}

/** The folder with the programs of the newest version; `undefined` if there is none. */
function programs(): string | undefined {
  const found = FOLDERS.flatMap((folder) => [
    `${folder}/bin`,
    ...namesIn(folder).sort((one, other) => Number(other) - Number(one)).map((name) =>
      `${folder}/${name}/bin`
    ),
  ]);
  return found.find((folder) => namesIn(folder).includes("initdb"));
}

function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name);
  } catch {
    return [];
  }
}

function account(): { uid: number; gid: number } | undefined {
  const line = Deno.readTextFileSync("/etc/passwd").split("\n").find((one) => one.startsWith(`${ACCOUNT}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}
