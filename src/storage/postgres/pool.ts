/** A pool of connections to PostgreSQL: queries, transactions, and errors for users. */

import { BoundedClient } from "./bounded_client.ts";
import { Pool } from "./driver.ts";
import { isOfStatement, storeErrorOf } from "./errors.ts";
import type { PoolClient, QueryConfig, QueryResult } from "./pg_types.d.ts";
import { type PostgresServer, QUERY_MS } from "./server.ts";

/** The most connections of one process. PostgreSQL allows 100 in all by default. */
const MAX_CONNECTIONS = 5;
/** Idle connections are closed, because each takes memory of the server. */
const IDLE_MS = 60_000;
/** Connections are replaced, so that they follow a change of the server's address. In milliseconds. */
const MAX_AGE_MS = 3_600_000;
/** How long the server waits for a lock, in milliseconds. */
const LOCK_MS = 5_000;

/** A row of a result, by column. */
export type Row = Record<string, unknown>;

/** How long a query may take. */
export interface QueryOptions {
  /** In milliseconds. */
  readonly timeoutMs?: number;
}

/** Runs queries: each for itself, or those of a transaction. Every method throws a `StoreError`. */
export interface Queries {
  /** Gives all rows of a query. Its text has `$1`, `$2`, … for the values. */
  readonly all: (sql: string, values?: readonly unknown[], options?: QueryOptions) => Promise<Row[]>;
  /** Gives the first row of a query. Returns `undefined` if the result is empty. */
  readonly get: (
    sql: string,
    values?: readonly unknown[],
    options?: QueryOptions,
  ) => Promise<Row | undefined>;
  /** Runs a statement. Gives the number of changed rows. */
  readonly run: (sql: string, values?: readonly unknown[], options?: QueryOptions) => Promise<number>;
}

/** Connections to one database. Each query takes one for its time; a broken one is replaced. */
export class PostgresPool implements Queries {
  readonly server: PostgresServer;
  readonly #pool: InstanceType<typeof Pool>;
  /** The ends of the open connections. The pool of the driver does not wait for them. */
  readonly #ends = new Set<Promise<void>>();
  /** When each connection was made, by `performance.now()`. */
  readonly #madeAt = new WeakMap<PoolClient, number>();
  #isClosed = false;

  constructor(server: PostgresServer) {
    this.server = server;
    this.#pool = new Pool({
      ...server.client,
      Client: BoundedClient,
      max: MAX_CONNECTIONS,
      idleTimeoutMillis: IDLE_MS,
    });
    // An idle connection broke. The pool has removed it, and the next query makes another.
    this.#pool.on("error", () => {});
    this.#pool.on("connect", (client) => {
      // Without a listener, a connection that breaks between two queries of a transaction ends the program.
      // The next query reports it.
      client.on("error", () => {});
      this.#madeAt.set(client, performance.now());
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#ends.add(promise);
      client.on("end", () => {
        this.#ends.delete(promise);
        resolve();
      });
      // Settings of a session would reach other programs by way of a pooler.
      if (!server.isPooled) client.query({ text: SESSION }).catch(() => {});
    });
  }

  /** Whether {@link close} was called. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  async all(sql: string, values: readonly unknown[] = [], options: QueryOptions = {}): Promise<Row[]> {
    const { rows } = await this.#query(sql, values, options);
    return rows;
  }

  async get(
    sql: string,
    values: readonly unknown[] = [],
    options: QueryOptions = {},
  ): Promise<Row | undefined> {
    const { rows } = await this.#query(sql, values, options);
    return rows[0];
  }

  async run(sql: string, values: readonly unknown[] = [], options: QueryOptions = {}): Promise<number> {
    const { rowCount } = await this.#query(sql, values, options);
    return rowCount ?? 0;
  }

  /**
   * Runs work in a transaction. If the work throws, the transaction is rolled back. `begin` has statements
   * for the round trip that begins it, such as a lock. If the connection breaks at the end, it is unknown
   * whether the transaction is kept: what it does must be safe to repeat.
   */
  async transaction<Result>(
    work: (queries: Queries) => Promise<Result>,
    { begin = "", timeoutMs = QUERY_MS }: { begin?: string; timeoutMs?: number } = {},
  ): Promise<Result> {
    const client = await this.#connect();
    let isBroken = false;
    const query = async (text: string, values: readonly unknown[] = [], options: QueryOptions = {}) => {
      try {
        return await client.query(queryOf(text, values, { timeoutMs, ...options }));
      } catch (error) {
        isBroken ||= !isOfStatement(error);
        throw storeErrorOf(error, this.server.place);
      }
    };
    try {
      await query(`BEGIN; SET LOCAL statement_timeout = ${timeoutMs}; ${begin}`);
      const result = await work(queriesOf(query));
      await query("COMMIT");
      return result;
    } catch (error) {
      if (!isBroken) await query("ROLLBACK").catch(() => isBroken = true);
      throw error;
    } finally {
      this.#release(client, { isBroken });
    }
  }

  /** Waits for running queries, and closes all connections. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#pool.end();
    await Promise.all(this.#ends);
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw storeErrorOf(error, this.server.place);
    }
  }

  /**
   * Gives a connection back, or closes it. `maxLifetimeSeconds` of the driver would close an old one too, but
   * it needs the timers of Node, and a bundled program has those of the web platform.
   */
  #release(client: PoolClient, { isBroken }: { isBroken: boolean }): void {
    const ageMs = performance.now() - (this.#madeAt.get(client) ?? 0);
    client.release(isBroken || ageMs > MAX_AGE_MS);
  }

  async #query(sql: string, values: readonly unknown[], options: QueryOptions): Promise<QueryResult> {
    const client = await this.#connect();
    let isBroken = false;
    try {
      return await client.query(queryOf(sql, values, options));
    } catch (error) {
      isBroken = !isOfStatement(error);
      throw storeErrorOf(error, this.server.place);
    } finally {
      this.#release(client, { isBroken });
    }
  }
}

/**
 * What a session that belongs to this program alone sets. The client gives up a query at the same time.
 * Queries of sums take some milliseconds: to compile them takes longer, and to share one among processes of
 * the server takes twice the CPU time.
 */
const SESSION = `SELECT set_config('statement_timeout', '${QUERY_MS}', false),
  set_config('lock_timeout', '${LOCK_MS}', false),
  set_config('idle_in_transaction_session_timeout', '${QUERY_MS}', false),
  set_config('jit', 'off', false), set_config('max_parallel_workers_per_gather', '0', false)`;

function queryOf(text: string, values: readonly unknown[], { timeoutMs }: QueryOptions): QueryConfig {
  return {
    text,
    // Without values, the driver can send several statements at once.
    ...(values.length > 0 && { values: [...values] }),
    ...(timeoutMs !== undefined && { query_timeout: timeoutMs }),
  };
}

function queriesOf(
  query: (sql: string, values?: readonly unknown[], options?: QueryOptions) => Promise<QueryResult>,
): Queries {
  return {
    all: async (sql, values, options) => (await query(sql, values, options)).rows,
    get: async (sql, values, options) => (await query(sql, values, options)).rows[0],
    run: async (sql, values, options) => (await query(sql, values, options)).rowCount ?? 0,
  };
}
