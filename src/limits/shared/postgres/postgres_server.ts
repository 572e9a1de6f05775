/** Shared counts in PostgreSQL. Each operation is one call of a function, in one transaction. */

import { StoreError } from "../../../storage/store.ts";
import type { SharedLimits } from "../shared_limits.ts";
import type { Answer, LimitsServer } from "../remote_limits.ts";
import definitions from "./limits.sql" with { type: "text" };
import otherVersions from "./other_versions.sql" with { type: "text" };
import { type Versioned, versionedNames } from "./versioned_names.ts";

/** Connections to the database. */
export interface LimitQueries {
  /**
   * Returns all rows of a query, whose text has `$1` and `$2` for the values. Rejects if the server cannot be
   * reached.
   */
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
  /** How long a query may take, in milliseconds. */
  readonly timeoutMs?: number;
}

/** How long a query may run if the option `timeoutMs` is absent, in milliseconds. */
const QUERY_MS = 2_000;
/**
 * The number of the lock that protects the definitions of the tables and functions, also in limits.sql. No
 * other program uses it.
 */
export const DEFINITIONS_LOCK = 7_410_228_355;

/**
 * The most operations of one batch. A row that a transaction changes often becomes slow to change, and a
 * batch locks its ledgers for some milliseconds.
 */
const MAX_BATCH = 16;
/**
 * Operations that can share a batch. Other operations find out only while they run which ledgers they lock.
 */
const BATCHED: ReadonlySet<string> = new Set<keyof SharedLimits>(["take", "settle", "hold", "count"]);

/**
 * How often an operation is called that the database undoes. Others have then changed a holding each time.
 */
const MAX_TRIES = 5;

/** The most wrong tokens that wait to be counted. Beyond that, only this replica counts them. */
const MAX_GUESSES = 50;
/** The answer to a wrong token that the other replicas do not count: no wait. */
const NOT_COUNTED: Answer = [0];

interface Connected {
  readonly queries: LimitQueries;
  readonly versioned: Versioned;
}

interface Waiting {
  readonly operation: keyof SharedLimits;
  readonly input: unknown;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A PostgreSQL database with shared counts. Operations run one after another, because a request must be
 * settled after its holding was changed. Operations that wait go into one batch, so that many requests need
 * few transactions.
 */
export class PostgresLimitsServer implements LimitsServer {
  readonly #options: PostgresOptions;
  #connected: Promise<Connected> | undefined;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;
  /**
   * The latest count of a wrong token. These counts run one after another on a separate connection, so that
   * no request waits for them.
   */
  #lastGuess: Promise<unknown> = Promise.resolve();
  #guesses = 0;
  #isClosed = false;

  constructor(options: PostgresOptions) {
    this.#options = options;
  }

  call(operation: keyof SharedLimits, input: unknown): Promise<Answer> {
    if (operation === "guess") return this.#guess(input);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, input, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
    await this.#lastGuess;
    const connected = await this.#connected?.catch(() => undefined);
    await connected?.queries.close();
  }

  #guess(input: unknown): Promise<Answer> {
    if (this.#guesses >= MAX_GUESSES) return Promise.resolve(NOT_COUNTED);
    this.#guesses++;
    const answer = this.#lastGuess.then(() => this.#call("guess", input));
    this.#lastGuess = answer.catch(() => {}).then(() => this.#guesses--);
    return answer;
  }

  async #run(): Promise<void> {
    // Operations of the same turn of the event loop are one batch. This also lets the caller set `#running`
    // first.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const single = this.#waiting.findIndex(({ operation }) => !BATCHED.has(operation));
      const length = single === 0 ? 1 : Math.min(MAX_BATCH, single === -1 ? this.#waiting.length : single);
      const batch = this.#waiting.splice(0, length);
      try {
        const answers = await this.#runAll(batch);
        for (const [index, { resolve }] of batch.entries()) resolve(answers[index] ?? []);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    // This line runs in the same turn as the last check of the queue, so no operation can stay in it.
    this.#running = undefined;
  }

  async #runAll(batch: readonly Waiting[]): Promise<readonly Answer[]> {
    const [only] = batch;
    if (only !== undefined && batch.length === 1) return [await this.#call(only.operation, only.input)];
    const answers = await this.#call("batch", batch.map(({ operation, input }) => [operation, input]));
    return answers.map((answer) => Array.isArray(answer) ? answer : []);
  }

  /** Calls an operation. If the database has undone it because of others, calls it again: see limits.sql. */
  async #call(operation: string, input: unknown): Promise<Answer> {
    for (let tries = 1;; tries++) {
      try {
        return await this.#callOnce(operation, input);
      } catch (error) {
        if (tries === MAX_TRIES || !(error instanceof StoreError) || error.kind !== "busy") throw error;
      }
    }
  }

  async #callOnce(operation: string, input: unknown): Promise<Answer> {
    const connected = this.#connected ??= this.#connect();
    const { queries, versioned } = await this.#opened(connected);
    const values = [JSON.stringify(input, storable), this.#options.now?.() ?? null];
    const sql = versioned(`SELECT limits_${operation}($1, $2)::text AS answer`);
    let rows;
    try {
      rows = await queries.all(sql, values, { timeoutMs: this.#options.timeoutMs ?? QUERY_MS });
    } catch (error) {
      // Another program may have dropped the tables. The next call makes them again.
      if (isOfDefinitions(error) && this.#connected === connected) {
        this.#connected = undefined;
        await queries.close();
      }
      throw error;
    }
    const answer: unknown = JSON.parse(String(rows[0]?.["answer"]));
    return Array.isArray(answer) ? answer : [];
  }

  async #opened(connected: Promise<Connected>): Promise<Connected> {
    try {
      return await connected;
    } catch (error) {
      if (this.#connected === connected) this.#connected = undefined;
      throw error;
    }
  }

  async #connect(): Promise<Connected> {
    if (this.#isClosed) throw new Error("closed");
    const queries = await this.#options.connect();
    try {
      const versioned = await versionedNames();
      const sql = versioned([definitions, otherVersions].join(";\n"));
      await queries.all(`BEGIN; SELECT pg_advisory_xact_lock(${DEFINITIONS_LOCK}); ${sql}; COMMIT`);
      return { queries, versioned };
    } catch (error) {
      await queries.close();
      throw error;
    }
  }
}

/** Whether tables or functions are missing, or are not those of this program. */
function isOfDefinitions(error: unknown): boolean {
  return error instanceof StoreError && (error.kind === "failed" || error.kind === "corrupt");
}

/** Changes texts to those that PostgreSQL can store: replaces the character NUL and unpaired surrogates. */
function storable(_: string, value: unknown): unknown {
  return typeof value === "string" ? value.toWellFormed().replaceAll("\0", " ") : value;
}
