/**
 * The records of the management plane, and the port to the database that keeps them.
 *
 * An adapter implements {@link Store} for one database. `sqlite/` is the first adapter. Another adapter
 * provides:
 *
 * - a case in `openStore` (open.ts) that opens the database of its URL scheme, and creates or migrates its
 *   tables,
 * - the exchange columns of `exchange_columns.ts`, with a column type for each kind,
 * - one transaction for each method that writes, so that a change and its audit entry are kept or lost
 *   together,
 * - sums by the hour, spending by the booked hour, and counts of tokens, updated in the transaction that
 *   writes the exchanges,
 * - {@link StoreError} for each error of the database, without values of rows in the message,
 * - what several processes need on one database: `settleObject` succeeds in one of them, and
 *   `hasAccessChanged` sees the commits of the others,
 * - a sequence of the changes of projects and tokens, written in the transaction of each change. A reader must
 *   not miss a change, also where transactions commit in another order than they began,
 * - a copy of the whole database in one file for `backup`, and a way to restore it,
 * - a place for the key that encrypts provider keys, if no key is configured (`keyFileOf`).
 *
 * `tests/storage/contract.ts` tests any adapter.
 */

import type { Booking } from "./booking.ts";
import type { Rules } from "../principal.ts";

/** A project: a group of tokens with common rules. Times are milliseconds since 1970. */
export interface Project {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly rules: Rules;
  readonly keys: readonly ProjectKey[];
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The number of the last change. A change names the version that it was made from. */
  readonly version: number;
}

/** A project's provider key for one endpoint. The key is encrypted. */
export interface ProjectKey {
  readonly endpoint: string;
  /** The encrypted key, which the `SecretBox` opens. */
  readonly sealed: Uint8Array;
  /** The last four characters of the key, shown to users. */
  readonly suffix: string;
}

/** A managed token, which clients present. The store keeps the hash of its value, not the value. */
export interface Token {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  /** The SHA-256 hash of the value. */
  readonly hash: Uint8Array;
  /** The last four characters of the value, shown to users. */
  readonly suffix: string;
  /** The value before the last rotation, and when it expires. Undefined: no earlier value is valid. */
  readonly previous: { readonly hash: Uint8Array; readonly expiresAt: number } | undefined;
  readonly active: boolean;
  readonly revokedAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly rules: Rules;
  /** The number of admitted requests. */
  readonly requestCount: number;
  readonly lastUsedAt: number | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: number;
}

/** The members of a project that a change can set. */
export type ProjectChange = Partial<Pick<Project, "name" | "active" | "rules" | "keys">>;
/** The members of a token that a change can set. */
export type TokenChange = Partial<
  Pick<Token, "name" | "active" | "revokedAt" | "expiresAt" | "rules" | "hash" | "suffix" | "previous">
>;

/** All projects and tokens. */
export interface Access {
  readonly projects: readonly Project[];
  readonly tokens: readonly Token[];
  /** The position in the sequence of changes that the rows include. Only the store knows its meaning. */
  readonly position: number;
}

/** The projects and tokens that were added or changed after a position, and the ids of deleted ones. */
export interface AccessChanges extends Access {
  readonly deletedProjects: readonly string[];
  readonly deletedTokens: readonly string[];
}

/** A recorded exchange. Undefined means unknown. `exchange_columns.ts` has the column of each member. */
export interface ExchangeRow {
  readonly requestId: string;
  /** The provider's request id, which the response to the client has too. */
  readonly providerRequestId: string | undefined;
  readonly startedAt: number;
  readonly durationMs: number;
  /** The time from the start to the first byte of the response, in milliseconds. */
  readonly firstByteMs: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly endpoint: string | undefined;
  readonly provider: string | undefined;
  readonly backend: string | undefined;
  /** The number of attempts. */
  readonly attempts: number;
  /** All attempts with their results. Undefined: there was no attempt, or one that succeeded. */
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
  /** The bytes of the request's body, decompressed if the proxy has read it. Undefined: it had none, or was rejected. */
  readonly requestBytes: number | undefined;
  /** The model that the proxy sent. Undefined: {@link modelAsked}. */
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
  /** Where the token counts and the cost come from. Undefined: the usage is unknown. */
  readonly usageSource: UsageSource | undefined;
  /** Whether a part of the usage has no known price. The real cost is higher. */
  readonly costIsPartial: boolean;
  /** The version of the price list that the cost was worked out with. */
  readonly priceVersion: string | undefined;
  /** The size of the response body in bytes. */
  readonly bytes: number;
  /**
   * The hour that the cost was booked in. Undefined: the hour in which the exchange began. The store adds the
   * cost to the spending of that hour, and does not keep the booking with the exchange.
   */
  readonly booking?: Booking | undefined;
  /**
   * Whether this row waits for, or is, the later usage of a batch or background response. Undefined: neither.
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

/** An attempt: one try at one backend. */
export interface AttemptRow {
  readonly backend: string;
  /** When the attempt began, in milliseconds after the start of the exchange. */
  readonly afterMs: number;
  /** Why the attempt failed. Undefined: the proxy saw no failure. */
  readonly detail: string | undefined;
  /** The estimated usage of an attempt that timed out. The sums of the exchange contain this usage. */
  readonly estimated?: {
    readonly inputTokens?: number | undefined;
    readonly outputTokens?: number | undefined;
    readonly costMicros?: number | undefined;
  } | undefined;
}

/** The action of audit entries about rejected sign-ins and wrong management tokens. */
export const REFUSED_ACCESS = "access.refused";

/** An entry of the audit log: a change, a sign-in, or rejected sign-ins. */
export interface AuditEntry {
  readonly id: number;
  readonly at: number;
  /** Who made the change: `management token`, `admin page` or `command line`. */
  readonly actor: string;
  /** The IP address that the request came from. */
  readonly source: string;
  /** What happened: `token.create`, `project.update`, … */
  readonly action: string;
  readonly subjectId: string;
  /** The requested changes, or the number of rejected attempts. Never contains a secret. */
  readonly changes: Readonly<Record<string, unknown>>;
}

/** An audit entry to write. The store writes the entry of a change in the transaction of the change. */
export type NewAuditEntry = Omit<AuditEntry, "id">;

/**
 * Which page of a list to read. `before` is the cursor of the previous page; undefined for the first page.
 */
export interface Page {
  readonly limit: number;
  readonly before: number | undefined;
}

/** A page of a list, newest first. */
export interface Listed<Item> {
  readonly items: readonly Item[];
  /** The cursor of the next page. Undefined: this is the last page. */
  readonly next: number | undefined;
}

/** The groups that usage can be summed by. */
export const USAGE_GROUPS = ["model", "day", "hour", "token", "project", "endpoint", "client"] as const;
/** A member of {@link USAGE_GROUPS}. */
export type UsageGroup = typeof USAGE_GROUPS[number];

/** How to group and limit sums of usage. */
export interface UsageGrouping {
  /** The first grouping. Undefined: one sum of everything. */
  readonly group: UsageGroup | undefined;
  /** The second grouping, within each group. Undefined: only the first one. */
  readonly split: UsageGroup | undefined;
  /** The time zone whose days are summed, by its IANA name. Undefined: UTC. */
  readonly timeZone: string | undefined;
  /** The most sums to read. Undefined: all. */
  readonly limit?: number;
}

/** Which exchanges count. An undefined member does not filter. */
export interface UsageFilter {
  /** The first moment, in milliseconds since 1970. Sums round it down to the hour. */
  readonly from: number | undefined;
  /** The moment after the last one, in milliseconds since 1970. */
  readonly to: number | undefined;
  readonly projectId: string | undefined;
  /** The id of a managed token, or the name of a token in the configuration. */
  readonly tokenId: string | undefined;
  readonly endpoint: string | undefined;
  readonly model: string | undefined;
  readonly client: string | undefined;
}

/** The sums of usage of one group. */
export interface UsageRow {
  /** The value of the group: a name, an id, a day (`2026-11-21`) or an hour (`2026-11-21T14:00Z`). */
  readonly key: string;
  /** The name of the token or project that the group is for. Undefined: the group has no name. */
  readonly name: string | undefined;
  /** The value and name of the second group. Undefined: there is no second grouping. */
  readonly split: { readonly key: string; readonly name: string | undefined } | undefined;
  readonly requests: number;
  readonly errors: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly reasoningTokens: number;
  readonly audioTokens: number;
  readonly imageTokens: number;
  readonly costMicros: number;
  /** Requests with usage without a known price. */
  readonly unpriced: number;
  /** Successful requests to a model without known usage. */
  readonly unmetered: number;
  /** Requests whose usage is estimated, at least in part. */
  readonly estimated: number;
  readonly bytes: number;
  readonly durationMs: number;
  /**
   * The time to the first byte of responses without an error, accurate to 5 %. Undefined: there is no such
   * response, or there is a second grouping.
   */
  readonly firstByteMs: { readonly median: number; readonly p95: number } | undefined;
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
    /** False: the clock was wrong when the spending was booked, so its hour is unknown. */
    readonly isDated: boolean;
  }[];
}

/** The key of an object: an endpoint, and the provider's id. */
export interface ObjectKey {
  readonly endpoint: string;
  readonly id: string;
  /**
   * The account at the provider, by `providerAccount`. Endpoints with the same account share their objects.
   * Undefined: only the endpoint counts.
   */
  readonly providerAccount?: string | undefined;
}

/**
 * An object at a provider that goes on after its request, such as a background response or a batch. Its usage
 * counts when it is done. The store keeps none of its content.
 */
export interface AwaitedObject extends ObjectKey {
  /** The kind of object: `response`, `batch`, … */
  readonly kind: string;
  /** The id of the file with the results of a batch. Undefined: not known yet. */
  readonly resultsId: string | undefined;
  /** The id of the request that created the object. */
  readonly requestId: string;
  readonly path: string;
  readonly provider: string | undefined;
  readonly backend: string | undefined;
  /** The name of the client that created the object. */
  readonly principal: string;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  readonly client: string;
  readonly model: string | undefined;
  /** The requested service tier. */
  readonly tier: string | undefined;
  /** The keys of the rules for models that the usage counts for. */
  readonly modelRules: readonly string[];
  /** The tokens that were reserved when the object was created. */
  readonly reservedTokens: number;
  /** The money that stays reserved until the object is done, in millionths of a US dollar. */
  readonly reservedMicros: number;
  /** The bytes of text that one request received of the object: the highest number of any request. */
  readonly receivedBytes: number;
  readonly madeAt: number;
  /** When the reservation is charged if the usage is not known by then. */
  readonly expiresAt: number;
}

/** An object in the store, with its settlement if its usage has been counted. */
export interface KeptObject extends AwaitedObject {
  /** When the usage was counted, and its cost. Undefined: not yet. */
  readonly settled: { readonly at: number; readonly micros: number } | undefined;
}

/** Who made an object at a provider, so that only its maker can use it. The store keeps none of its content. */
export interface MadeObject {
  /** The account at the provider, by `providerAccount`. */
  readonly account: string;
  /** The provider's id in lower case, with its folder if the provider's names have one: `files/abc`. */
  readonly id: string;
  /** The name of the backend that made the object. */
  readonly backend: string;
  /** The key of the token that made the object, by `tokenKey`. */
  readonly maker: string;
  /** The project of the token. Undefined: the configuration has the token. */
  readonly projectId: string | undefined;
  readonly madeAt: number;
  /** When the provider has deleted the object, at the latest. */
  readonly expiresAt: number;
}

/** A token that made objects at an account. */
export type ObjectMaker = Pick<MadeObject, "account" | "maker" | "projectId">;

/** How `openStore` opens a store: for a command, or for a proxy that serves requests. */
export interface OpenOptions {
  /**
   * Whether the work of the database must not block the thread of the caller, which serves requests. An adapter
   * whose database is another process has nothing to do for it.
   */
  readonly usesThreads?: boolean;
}

/** The port to the database. Every method may throw a {@link StoreError}. */
export interface Store {
  /** A folder on this machine for temporary copies of the database. */
  readonly folder: string;
  /** Reads all projects and tokens, for the check of requests. */
  readonly readAccess: () => Promise<Access>;
  /**
   * Reads the projects and tokens that changed after a position. The counts of requests of a token are no
   * change. Undefined: the store no longer has all changes after the position, so read everything.
   */
  readonly readAccessChanges: (position: number) => Promise<AccessChanges | undefined>;
  /**
   * Whether another program has changed a project or a token after a position. A change by this store can be
   * missing, so its caller reads it without asking. Each turn of the event loop makes this call, so it must be fast and cannot wait: an
   * adapter whose database sends notifications keeps the last one.
   */
  readonly hasAccessChanged: (position: number) => boolean;
  /**
   * Reads the spending of all subjects. The hours are those of the last `lastMs` before the latest spending,
   * or before `until` if that is earlier.
   */
  readonly readSpending: (hours: { until: number; lastMs?: number }) => Promise<Spending[]>;
  /**
   * Moves spending to an hour, given by its first millisecond since 1970: spending that was booked while the
   * clock was wrong, and spending of later hours.
   */
  readonly dateSpending: (hour: number) => Promise<void>;

  readonly addProject: (project: Project, audit: NewAuditEntry) => Promise<void>;
  readonly findProject: (id: string) => Promise<Project | undefined>;
  readonly listProjects: (page: Page & { activeOnly: boolean }) => Promise<Listed<Project>>;
  /** False: the project has another version by now, or was deleted. */
  readonly changeProject: (
    of: { id: string; version: number },
    change: ProjectChange,
    audit: NewAuditEntry,
  ) => Promise<boolean>;
  /**
   * Deletes a project and its tokens if all of them are revoked. Exchanges and sums keep the project's id.
   */
  readonly deleteProject: (
    of: { id: string; version: number },
    audit: NewAuditEntry,
  ) => Promise<"deleted" | "has tokens" | "changed">;
  /** Throws `taken` if another token of the project has the same name, and is neither revoked nor expired. */
  readonly addToken: (token: Token, audit: NewAuditEntry) => Promise<void>;
  readonly findToken: (id: string) => Promise<Token | undefined>;
  readonly listTokens: (
    page: Page & { projectId: string | undefined; activeAt: number | undefined },
  ) => Promise<Listed<Token>>;
  /** Whether a token of the project has a name, and is not revoked. */
  readonly isTokenNameUsed: (projectId: string, name: string) => Promise<boolean>;
  /** Throws `taken` like `addToken`. False: the token has another version by now, or was deleted. */
  readonly changeToken: (
    of: { id: string; version: number },
    change: TokenChange,
    audit: NewAuditEntry,
  ) => Promise<boolean>;
  /**
   * Deletes a token. Exchanges and sums keep its id. False: it has another version by now, or was deleted.
   */
  readonly deleteToken: (of: { id: string; version: number }, audit: NewAuditEntry) => Promise<boolean>;
  /** Revokes all tokens of a project. Returns the number of its tokens, and how many were revoked before. */
  readonly revokeTokens: (
    projectId: string,
    audit: NewAuditEntry,
  ) => Promise<{ total: number; before: number }>;

  /** Writes exchanges, their sums, their spending and the counts of their tokens in one transaction. */
  readonly addExchanges: (rows: readonly ExchangeRow[]) => Promise<void>;
  /** Reads sums. Days and hours are in their order, other groups by falling cost. */
  readonly usage: (grouping: UsageGrouping, filter: UsageFilter) => Promise<UsageRow[]>;
  readonly listExchanges: (page: Page & ExchangeFilter) => Promise<Listed<ExchangeRow & { id: number }>>;
  /** Writes an audit entry that belongs to no change. */
  readonly addAudit: (entry: NewAuditEntry) => Promise<void>;
  readonly listAudit: (page: Page) => Promise<Listed<AuditEntry>>;
  /**
   * Deletes exchanges and audit entries of rejected attempts from before `exchangesBefore`. Sums and spending
   * stay: those from before `hoursBefore` by the day, later ones by the hour. Other audit entries stay. Gives
   * the number of deleted exchanges.
   */
  readonly prune: (limits: { exchangesBefore: number; hoursBefore: number }) => Promise<number>;

  /** Adds an object. `at` is now. False: the store has the object already. */
  readonly addObject: (object: AwaitedObject, at: number) => Promise<boolean>;
  /**
   * Finds an object by its id, or by the id of its results: of the endpoint, or else of an endpoint with the same
   * account at the provider.
   */
  readonly findObject: (key: ObjectKey) => Promise<KeptObject | undefined>;
  /** Lists the objects that are not settled. */
  readonly listUnsettledObjects: () => Promise<AwaitedObject[]>;
  /** Lists the objects that were added, changed or settled at a moment or later. */
  readonly listChangedObjects: (since: number) => Promise<KeptObject[]>;
  /** Sets the id of the file with the results of a batch. A later call does not change it. */
  readonly setResultsId: (key: ObjectKey, resultsId: string, at: number) => Promise<void>;
  /** Raises the received bytes of an object that is not settled. A lower number changes nothing. */
  readonly raiseReceivedBytes: (key: ObjectKey, bytes: number) => Promise<void>;
  /** Deletes settled objects: those created before a moment, and the oldest beyond a number. */
  readonly pruneObjects: (limits: { madeBefore: number; maxSettled: number }) => Promise<void>;
  /**
   * Settles an object and writes its usage in one transaction. Adds the object if the store does not have it.
   * False: the object was settled before, and nothing is written. If several processes try at the same time,
   * one succeeds.
   */
  readonly settleObject: (
    object: AwaitedObject,
    settled: { at: number; micros: number; rows: readonly ExchangeRow[] },
  ) => Promise<boolean>;

  /** Adds objects with their makers. The first maker of an object stays. */
  readonly addMadeObjects: (objects: readonly MadeObject[]) => Promise<void>;
  /** Removes objects, because the provider has deleted them. Their makers stay in {@link listObjectMakers}. */
  readonly removeMadeObjects: (objects: readonly Pick<MadeObject, "account" | "id">[]) => Promise<void>;
  /** Finds objects by their ids, at all accounts. */
  readonly findMadeObjects: (ids: readonly string[]) => Promise<MadeObject[]>;
  /** Lists the tokens that made objects, by account. */
  readonly listObjectMakers: () => Promise<ObjectMaker[]>;
  /** Deletes expired objects, and the oldest ones beyond a number for each maker at an account and for all. */
  readonly pruneMadeObjects: (limits: { now: number; maxOfMaker: number; max: number }) => Promise<void>;

  /** Reads a text that `writeNote` wrote under a name. Undefined: no text has this name. */
  readonly readNote: (name: string) => Promise<string | undefined>;
  /** Writes a text under a name, in place of an earlier one. */
  readonly writeNote: (name: string, value: string) => Promise<void>;
  /** Copies the whole database into a file, while it is in use. The copy is one state of the database. */
  readonly backup: (file: string) => Promise<void>;
  /** Returns the size of the database on disk, in bytes. */
  readonly size: () => Promise<number>;
  /** Completes the writes that were called, and closes the database. No other call may follow. */
  readonly close: () => Promise<void>;
}

/** An error of the database. The message is for users, and contains no value that was to be written. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  /**
   * `taken`: the name is in use. `busy`: another program has locked the database. `full`: no space is left.
   * `readonly`: the database cannot be written. `io_error`: reading or writing failed (I/O error). `moved`:
   * the database file was replaced. `corrupt`: the database is damaged or foreign. `newer`: a newer version
   * made its schema. `failed`: any other error, which a retry does not fix.
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
    | "failed";

  constructor(kind: StoreError["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
