/** Shared counts in PostgreSQL. Each operation is one call of a function, in one transaction. */

import type { SharedLimits } from "../shared_limits.ts";
import type { Answer, LimitsServer } from "../remote_limits.ts";
import definitions from "./limits.sql" with { type: "text" };

/** Connections to the database. */
export interface LimitQueries {
  /** Gives all rows of a query, whose text has `$1` and `$2` for the values. Rejects if the server cannot be reached. */
  readonly all: (
    sql: string,
    values?: readonly unknown[],
    options?: { readonly timeoutMs?: number },
  ) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  readonly close: () => Promise<void>;
}

/** The options of {@link PostgresLimitsServer}. */
export interface PostgresOptions {
  /** Connects to the database. Called again if it failed. */
  readonly connect: () => Promise<LimitQueries>;
  /** The time in milliseconds since 1970. `undefined` for that of the server. */
  readonly now?: () => number;
}

/** A request waits for half a second. A query that takes longer than this has no use. In milliseconds. */
const QUERY_MS = 2_000;
/** The lock of the definitions. Any number that no other program uses. */
const DEFINITIONS_LOCK = 7_410_228_355;

/** A PostgreSQL database with shared counts. */
export class PostgresLimitsServer implements LimitsServer {
  readonly #options: PostgresOptions;
  #queries: Promise<LimitQueries> | undefined;
  /** The end of the last operation that changes what requests hold. These follow each other. */
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: PostgresOptions) {
    this.#options = options;
  }

  call(operation: keyof SharedLimits, input: unknown): Promise<Answer> {
    // A request is settled after what it holds has changed, on any connection. A take is awaited in any case.
    if (operation === "take" || operation === "guess") return this.#call(operation, input);
    const call = this.#last.then(() => this.#call(operation, input));
    this.#last = call.catch(() => {});
    return call;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
    const queries = await this.#queries?.catch(() => undefined);
    await queries?.close();
  }

  async #call(operation: keyof SharedLimits, input: unknown): Promise<Answer> {
    const { all } = await this.#connected();
    const values = [JSON.stringify(input, storable), this.#options.now?.() ?? null];
    const rows = await all(`SELECT limits_${operation}($1, $2)::text AS answer`, values, {
      timeoutMs: QUERY_MS,
    });
    const answer: unknown = JSON.parse(String(rows[0]?.["answer"]));
    return Array.isArray(answer) ? answer : [];
  }

  async #connected(): Promise<LimitQueries> {
    if (this.#isClosed) throw new Error("closed");
    const queries = this.#queries ??= this.#connect();
    try {
      return await queries;
    } catch (error) {
      if (this.#queries === queries) this.#queries = undefined;
      throw error;
    }
  }

  async #connect(): Promise<LimitQueries> {
    const queries = await this.#options.connect();
    try {
      await queries.all(`BEGIN; SELECT pg_advisory_xact_lock(${DEFINITIONS_LOCK}); ${definitions}; COMMIT`);
    } catch (error) {
      await queries.close();
      throw error;
    }
    return { all: queries.all.bind(queries), close: () => queries.close() };
  }
}

/** Texts that PostgreSQL can store: without the character NUL, and without half characters. */
function storable(_: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed().replaceAll("\0", " ") : value;
}
