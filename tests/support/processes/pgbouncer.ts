/** A real PgBouncer in transaction mode, in front of a PostgreSQL. */

import { command } from "./command.ts";
import { freePort, listening } from "./port.ts";
import type { PostgresServer } from "./postgres_server.ts";

/** A running PgBouncer. */
export interface PgBouncer extends AsyncDisposable {
  readonly url: (database: string, parameters?: string) => string;
}

/** Starts PgBouncer with two connections to each database of a server. */
export async function startPgBouncer(server: PostgresServer): Promise<PgBouncer> {
  const port = freePort();
  const folder = await Deno.makeTempDir();
  await Deno.chmod(folder, 0o755);
  const lines = [
    "[databases]",
    `* = host=127.0.0.1 port=${server.port}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "auth_type = any",
    "pool_mode = transaction",
    "default_pool_size = 2",
    "unix_socket_dir =",
  ];
  // With this kind of authentication, PgBouncer signs in as the user that the databases name.
  lines[1] += " user=tester";
  await Deno.writeTextFile(`${folder}/config.ini`, lines.join("\n"));
  const args = Deno.uid() === 0 ? ["-u", "nobody"] : [];
  const child = command("/usr/sbin/pgbouncer", {
    args: [...args, `${folder}/config.ini`],
    stdout: "null",
    stderr: "null",
  }).spawn();
  await listening(port, "pgbouncer");
  return {
    url: (database, parameters = "") => `postgres://tester@127.0.0.1:${port}/${database}${parameters}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}
