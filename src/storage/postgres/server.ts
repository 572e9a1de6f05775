/** How to connect to the server of a {@link PostgresUrl}: its files, its TLS, and its password. */

import { type PostgresUrl, shownPostgresUrl } from "../../network/postgres_url.ts";
import { StoreError } from "../store.ts";
import { BoundedClient } from "./bounded_client.ts";
import { TYPES } from "./driver.ts";
import { storeErrorOf } from "./errors.ts";
import type { ClientConfig } from "./pg_types.d.ts";

/** How long a connection may take, in milliseconds. */
const CONNECT_MS = 5_000;
/** How long a query may take, if its caller gives no time, in milliseconds. */
export const QUERY_MS = 10_000;
/** The name of the program in the lists of connections of the server. */
export const PROGRAM = "llm-proxy";

/** A server that has answered, and how to connect to it again. */
export interface PostgresServer {
  /** The URL for users, without the password. */
  readonly place: string;
  readonly client: ClientConfig;
  /** Whether a pooler such as PgBouncer shares connections between transactions. */
  readonly isPooled: boolean;
}

/**
 * Connects once to find out whether the server supports TLS, and whether it is a pooler. Throws a
 * {@link StoreError}.
 */
export async function findServer(url: PostgresUrl): Promise<PostgresServer> {
  const place = shownPostgresUrl(url);
  const base = {
    host: url.host,
    port: url.port,
    user: url.user,
    database: url.database,
    password: url.password ?? filedPassword(url) ?? "",
    application_name: PROGRAM,
    keepAlive: true,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: QUERY_MS,
    types: TYPES,
  };
  const ssl = tlsOf(url);
  const client = { ...base, ssl };
  const { isPooled } = url;
  try {
    return { place, client, isPooled: await probe(client, isPooled) };
  } catch (error) {
    const hasNoTls = error instanceof Error && /does not support SSL/.test(error.message);
    if (url.sslMode !== "prefer" || !hasNoTls) throw storeErrorOf(error, place);
  }
  try {
    const plain = { ...base, ssl: false } as const;
    return { place, client: plain, isPooled: await probe(plain, isPooled) };
  } catch (error) {
    throw storeErrorOf(error, place);
  }
}

/**
 * Connects, and says whether the connection leads to a pooler: it names another process than the server does.
 * Throws an error of the driver.
 */
async function probe(config: ClientConfig, known: boolean | undefined): Promise<boolean> {
  const client = new BoundedClient(config);
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows: [row] } = await client.query({ text: "SELECT pg_backend_pid() AS pid" });
    return known ?? row?.["pid"] !== client.processID;
  } finally {
    await client.end();
  }
}

function tlsOf({ sslMode, sslRootCert, host }: PostgresUrl): ClientConfig["ssl"] {
  const ca = sslRootCert === undefined ? {} : { ca: readText(sslRootCert, "the file of sslrootcert") };
  // Only names are sent to the server, as RFC 6066 says.
  const name = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  switch (sslMode) {
    case "disable":
      return false;
    case "prefer":
    case "require":
      // As in libpq, a file with certificates makes `require` check them.
      if (sslMode === "require" && sslRootCert !== undefined) {
        return { ...ca, ...name, checkServerIdentity: () => undefined };
      }
      return { rejectUnauthorized: false, ...name };
    case "verify-ca":
      return { ...ca, ...name, checkServerIdentity: () => undefined };
    case "verify-full":
      return { ...ca, ...name };
    default:
      return sslMode satisfies never;
  }
}

/**
 * The password of a file in the format of libpq: lines of `host:port:database:user:password`, where `*`
 * stands for anything and a backslash escapes.
 */
function filedPassword({ passFile, host, port, database, user }: PostgresUrl): string | undefined {
  if (passFile === undefined) return undefined;
  const wanted = [host.startsWith("/") ? "localhost" : host, String(port), database, user];
  for (const line of readText(passFile, "the password file").split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const parts = [...line.matchAll(/((?:[^:\\]|\\.)*)(?::|$)/g)].map(([, part = ""]) =>
      part.replaceAll(/\\(.)/g, "$1")
    );
    const [password] = parts.slice(wanted.length);
    if (password === undefined) continue;
    if (wanted.every((value, index) => parts[index] === "*" || parts[index] === value)) return password;
  }
  throw new StoreError("failed", `the password file ${passFile} has no line for this database`);
}

function readText(path: string, what: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new StoreError("failed", `${what} (${path}) cannot be read`, { cause: error });
  }
}
