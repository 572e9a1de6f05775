/**
 * The exchanges of the management plane, and the port to the database that keeps them and its other records.
 *
 * An adapter implements {@link Store} for one database. `sqlite/` and `postgres/` are adapters. An adapter
 * provides:
 *
 * - a case in `openStore` (open.ts) that opens the database of its URL scheme, and creates or migrates its
 *   tables,
 * - the exchange columns of `exchange_columns.ts`, with a column type for each kind,
 * - one transaction for each method that writes, so that a change and its audit entry are kept or lost
 *   together,
 * - if a connection can break while a transaction ends: exchanges that are written again count once,
 * - sums by the hour, spending by the booked hour, and counts of tokens, updated in the transaction that
 *   writes the exchanges,
 * - {@link StoreError} for each error of the database, without values of rows in the message,
 * - what several processes need on one database: `settleObject` succeeds in one of them, and
 *   `hasAccessChanged` sees the commits of the others,
 * - a sequence of the changes of projects and tokens, written in the transaction of each change. A reader
 *   must not miss a change, also where transactions commit in another order than they began,
 * - if the database is a file: a copy of it for `backup`, a way to restore it, and a place for the key that
 *   encrypts provider keys (`keyFileOf`). Otherwise `ENCRYPTION_KEY` is required.
 *
 * `tests/storage/contract.ts` tests any adapter.
 */

import type { AccessStore, ProjectStore, TokenStore } from "./access_store.ts";
import type { AuditStore } from "./audit_store.ts";
import type { Booking } from "./booking.ts";
import type { AwaitedObject, AwaitedObjectStore, MadeObjectStore } from "./object_store.ts";
import type { Listed, Page } from "./page.ts";
import type { PackedExchanges } from "./packed_exchanges.ts";
import type { ReplicaStore } from "./replica_store.ts";
import type { AccountStore } from "./people_store.ts";
import type { UsageFilter, UsageStore } from "./usage_store.ts";

/** A recorded exchange. `undefined` means unknown. `exchange_columns.ts` has the column of each member. */
export interface ExchangeRow {
  /** The id that the proxy gave the request. The log has it too. */
  readonly requestId: string;
  /** The provider's request id, which the response to the client has too. */
  readonly providerRequestId: string | undefined;
  /** When the head of the request had arrived, in milliseconds since 1970. */
  readonly startedAt: number;
  /** The time from the start to the end of the response, in milliseconds. */
  readonly durationMs: number;
  /** The time from the start to the head of the provider's response, in milliseconds. */
  readonly firstByteMs: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly endpoint: string | undefined;
  readonly provider: string | undefined;
  readonly backend: string | undefined;
  /** The number of attempts at backends; 0 if the proxy answered the request itself. */
  readonly attempts: number;
  /** All attempts with their results; `undefined` if there was none, or one that succeeded. */
  readonly attemptLog: readonly AttemptRow[] | undefined;
  readonly status: number;
  /** How the exchange ended: `complete`, `client_gone` or the code of a fault. */
  readonly ending: string;
  /** The name of the client: that of its token, or `anonymous`. */
  readonly principal: string;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  /** Whether the path calls a model, whose usage costs money. */
  readonly metered: boolean;
  /** Whether the request passed the limits. Only such requests count towards them. */
  readonly admitted: boolean;
  /** The family of the client program, by its `User-Agent`. */
  readonly client: string;
  /** Whether the client requested a stream. */
  readonly stream: boolean | undefined;
  /** The model that the request named. */
  readonly modelAsked: string | undefined;
  /**
   * The bytes of the request's body, decompressed if the proxy has read it. `undefined` if it had none, or
   * was rejected.
   */
  readonly requestBytes: number | undefined;
  /** The model that the proxy sent. `undefined` if it is {@link modelAsked}. */
  readonly modelSent: string | undefined;
  /** The model that the response named. */
  readonly modelAnswered: string | undefined;
  readonly stopReason: string | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly cacheWriteTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly audioTokens: number | undefined;
  readonly imageTokens: number | undefined;
  /** Whether the response broke off before its end. The real usage may be higher. */
  readonly partial: boolean;
  /** The cost that counts against budgets, in millionths of a US dollar. */
  readonly costMicros: number | undefined;
  /** Where the token counts and the cost come from; `undefined` if the usage is unknown. */
  readonly usageSource: UsageSource | undefined;
  /** Whether a part of the usage has no known price. The real cost is higher. */
  readonly costIsPartial: boolean;
  /** The version of the price list that the cost was worked out with. */
  readonly priceVersion: string | undefined;
  /** The size of the response body in bytes. */
  readonly bytes: number;
  /**
   * The hour that the cost was booked in; `undefined` for the hour in which the exchange began. The store
   * adds the cost to the spending of that hour, and does not keep the booking with the exchange.
   */
  readonly booking?: Booking | undefined;
  /**
   * Whether this row waits for, or is, the later usage of a batch or background response; `undefined` if it
   * does neither.
   */
  readonly settlement: Settlement | undefined;
}

/**
 * How an exchange takes part in the usage of an object. `awaited`: the request created an object, such as a
 * background response, whose usage counts when the object is done. `settled`: the row is not a request but
 * the usage of such an object, with the id of the request that created it.
 */
export const SETTLEMENTS = ["awaited", "settled"] as const;
/** A member of {@link SETTLEMENTS}. */
export type Settlement = typeof SETTLEMENTS[number];

/**
 * Where usage comes from. `provider`: the provider reported all of it. `estimated`: the proxy estimated a
 * part.
 */
export const USAGE_SOURCES = ["provider", "estimated"] as const;
/** A member of {@link USAGE_SOURCES}. */
export type UsageSource = typeof USAGE_SOURCES[number];

/** One attempt of an exchange at one backend, with its result. */
export interface AttemptRow {
  readonly backend: string;
  /** When the attempt began, in milliseconds after the start of the exchange. */
  readonly afterMs: number;
  /** Why the attempt failed; `undefined` if the proxy saw no failure. */
  readonly detail: string | undefined;
  /** The estimated usage of an attempt that timed out. The sums of the exchange contain this usage. */
  readonly estimated?: {
    readonly inputTokens?: number | undefined;
    readonly outputTokens?: number | undefined;
    readonly costMicros?: number | undefined;
  } | undefined;
}

/** Which exchanges to list. An undefined member does not filter. */
export interface ExchangeFilter extends UsageFilter {
  readonly status: number | undefined;
  readonly ending: string | undefined;
  /** The request id of the proxy or of the provider. */
  readonly requestId: string | undefined;
}

/** The spending of a subject of rules, and the number of its admitted requests. */
export interface Spending {
  /**
   * The subject: `token:tok_…`, `project:prj_…` or `shared:anna`. The subject of a rule for models has the
   * pattern too: `token:tok_… gpt-5*`.
   */
  readonly key: string;
  readonly requests: number;
  readonly totalMicros: number;
  /** The spending by the hour that it was booked in. Old spending is summed by the day. */
  readonly hours: readonly {
    readonly start: number;
    readonly micros: number;
    /** `false` if the clock was wrong when the spending was booked, so that its hour is unknown. */
    readonly isDated: boolean;
  }[];
}

/** What {@link ExchangeStore.prune} deletes and rolls up. Times are in milliseconds since 1970. */
export interface PruneLimits {
  readonly exchangesBefore: number;
  /** Sums from before it are kept by the day, and later ones by the hour. */
  readonly hoursBefore: number;
  /**
   * Spending from before it is kept by the day, and that of the months before by the month. Without it, that
   * is `hoursBefore`.
   */
  readonly spendingBefore?: number;
}

/** How `openStore` opens a store: for a command, or for a proxy that serves requests. */
export interface OpenOptions {
  /**
   * Whether the work of the database must not block the thread of the caller, which serves requests. An
   * adapter whose database is another process has nothing to do for it.
   */
  readonly usesThreads?: boolean;
}

/** The spending that is read. */
export interface SpendingQuery {
  /** The hours are the last `lastMs` before the latest spending, or before `until` if that is earlier. */
  readonly until: number;
  readonly lastMs?: number;
  /** The keys of the subjects. Absent for all subjects. */
  readonly keys?: ReadonlySet<string>;
}

/** Writes and reads exchanges and what their clients spent. Every method may throw a `StoreError`. */
export interface ExchangeStore {
  /** Writes exchanges, their sums, their spending and the counts of their tokens in one transaction. */
  readonly addExchanges: (rows: readonly ExchangeRow[]) => Promise<void>;
  /**
   * Like {@link addExchanges}, for exchanges that are packed. The caller does not change them until the
   * promise settles. Without a message to a thread, an adapter writes their `rows()`. A note is written in
   * the same transaction.
   */
  readonly addPackedExchanges: (rows: PackedExchanges, note?: Note) => Promise<void>;
  readonly listExchanges: (page: Page & ExchangeFilter) => Promise<Listed<ExchangeRow & { id: number }>>;
  /**
   * Settles an object and writes its usage in one transaction. Adds the object if the store does not have it.
   * Resolves with `false` if the object was settled before; then nothing is written. If several processes try
   * at the same time, one succeeds.
   */
  readonly settleObject: (
    object: AwaitedObject,
    settled: { at: number; micros: number; rows: readonly ExchangeRow[] },
  ) => Promise<boolean>;
  /** Reads spending. A subject without spending has no entry. */
  readonly readSpending: (of: SpendingQuery) => Promise<Spending[]>;
  /**
   * Moves spending to an hour, given by its first millisecond since 1970: spending that was booked while the
   * clock was wrong, and spending of later hours.
   */
  readonly dateSpending: (hour: number) => Promise<void>;
  /**
   * Deletes exchanges and audit entries of rejected attempts from before `exchangesBefore`. Sums and spending
   * stay. Other audit entries stay. Deletes the pages of costs from before `hoursBefore`. Gives the number of
   * deleted exchanges.
   */
  readonly prune: (limits: PruneLimits) => Promise<number>;
}

/** A short text with a name. */
export interface Note {
  readonly name: string;
  readonly value: string;
}

/** Keeps short texts by name. Every method may throw a `StoreError`. */
export interface NoteStore {
  /** Reads a text that `writeNote` wrote under a name. Resolves with `undefined` if no text has this name. */
  readonly readNote: (name: string) => Promise<string | undefined>;
  /** Reads all texts whose names begin with `prefix`, in any order. */
  readonly readNotes: (prefix: string) => Promise<Note[]>;
  /** Writes a text under a name, in place of an earlier one. */
  readonly writeNote: (name: string, value: string) => Promise<void>;
}

/** How the program copies a database that is a file. Every method may throw a `StoreError`. */
export interface DatabaseCopies {
  /** A folder on this machine for temporary copies of the database. */
  readonly folder: string;
  /** Copies the whole database into a file, while it is in use. The copy is one state of the database. */
  readonly backup: (file: string) => Promise<void>;
}

/** The database as a whole. Every method may throw a `StoreError`. */
export interface WholeDatabase {
  /** `undefined` if the database is not a file: the owner of its server makes the backups. */
  readonly copies: DatabaseCopies | undefined;
  /** Returns the size of the database on disk, in bytes. */
  readonly size: () => Promise<number>;
  /** Completes the writes that were called, and closes the database. No other call may follow. */
  readonly close: () => Promise<void>;
}

/** The port to the database. Every method may throw a {@link StoreError}. */
export interface Store
  extends
    AccessStore,
    ProjectStore,
    TokenStore,
    ExchangeStore,
    UsageStore,
    AuditStore,
    AwaitedObjectStore,
    MadeObjectStore,
    NoteStore,
    ReplicaStore,
    AccountStore,
    WholeDatabase {}

/** An error of the database. The message is for users, and contains no value that was to be written. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  /**
   * `taken`: the name is in use. `busy`: another program has locked the database. `full`: no space is left.
   * `readonly`: the database cannot be written. `io_error`: reading or writing failed (I/O error). `moved`:
   * the database file was replaced. `corrupt`: the database is damaged or foreign. `newer`: a newer version
   * made its schema. `unreachable`: the server of the database does not answer. `failed`:
   * any other error, which a retry does not fix.
   */
  readonly kind:
    | "taken"
    | "busy"
    | "full"
    | "readonly"
    | "io_error"
    | "moved"
    | "corrupt"
    | "newer"
    | "unreachable"
    | "failed";

  constructor(kind: StoreError["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
