/** What the management plane keeps, and the port through which it does. One backend per file stands behind it. */

import type { Booking } from "./booking.ts";
import type { Rules } from "../principal.ts";

/** A group of tokens. Times are milliseconds since 1970. */
export interface Project {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly rules: Rules;
  readonly keys: readonly ProjectKey[];
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Counts its changes. */
  readonly version: number;
}

/** A provider's key of a project, sealed. */
export interface ProjectKey {
  readonly endpoint: string;
  readonly sealed: Uint8Array;
  /** Its last four characters, for people. */
  readonly suffix: string;
}

/** A token that clients present. Its value is not kept. */
export interface Token {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  /** SHA-256 of the value. */
  readonly hash: Uint8Array;
  /** The last four characters of the value, for people. */
  readonly suffix: string;
  /** The value before the last rotation, and until when it is taken. */
  readonly previous: { readonly hash: Uint8Array; readonly expiresAt: number } | undefined;
  readonly active: boolean;
  readonly revokedAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly rules: Rules;
  readonly requestCount: number;
  readonly lastUsedAt: number | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly version: number;
}

/** What of a project or a token can be changed. */
export type ProjectChange = Partial<Pick<Project, "name" | "active" | "rules" | "keys">>;
/** Likewise. */
export type TokenChange = Partial<
  Pick<Token, "name" | "active" | "revokedAt" | "expiresAt" | "rules" | "hash" | "suffix" | "previous">
>;

/** An exchange as it is kept. What is not known is undefined. */
export interface ExchangeRow {
  readonly requestId: string;
  /** The provider's own id, which clients see. */
  readonly providerRequestId: string | undefined;
  readonly startedAt: number;
  readonly durationMs: number;
  readonly firstByteMs: number | undefined;
  readonly method: string;
  readonly path: string;
  readonly endpoint: string | undefined;
  readonly provider: string | undefined;
  readonly backend: string | undefined;
  readonly attempts: number;
  /** How each of them went; undefined where there was but one, and that went well. */
  readonly attemptLog: readonly AttemptRow[] | undefined;
  readonly status: number;
  readonly ending: string;
  readonly principal: string;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  /** A model was to answer, which costs something. */
  readonly metered: boolean;
  /** It counted towards limits. */
  readonly admitted: boolean;
  readonly client: string;
  readonly stream: boolean | undefined;
  readonly modelAsked: string | undefined;
  readonly modelAnswered: string | undefined;
  readonly stopReason: string | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly cachedTokens: number | undefined;
  readonly cacheWriteTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly audioTokens: number | undefined;
  readonly imageTokens: number | undefined;
  /** The answer did not come to its end: there may have been more. */
  readonly partial: boolean;
  /** What it counts with against budgets. */
  readonly costMicros: number | undefined;
  /** How the numbers of tokens and the cost came to be; undefined: nobody knows what was used. */
  readonly usageSource: UsageSource | undefined;
  /** Something was used whose price is not known, so that it costs more. */
  readonly costIsPartial: boolean;
  readonly priceVersion: string | undefined;
  readonly bytes: number;
  /** Where its cost was booked; absent: in the hour in which it began. Not kept with the exchange itself. */
  readonly booking?: Booking | undefined;
  /** Its part in the accounts of an object that can be looked at again; undefined: none. */
  readonly settlement: Settlement | undefined;
}

/**
 * `awaited`: the request made an object that goes on, and what that uses is counted when it is over. `settled`: no
 * request, but what such an object used; it has the id of the request that made the object.
 */
export const SETTLEMENTS = ["awaited", "settled"] as const;
/** One of them. */
export type Settlement = typeof SETTLEMENTS[number];

/** How numbers came to be: the provider told what was used, or some of it is estimated. */
export const USAGE_SOURCES = ["provider", "estimated"] as const;
/** One of them. */
export type UsageSource = typeof USAGE_SOURCES[number];

/** One try at one backend. */
export interface AttemptRow {
  readonly backend: string;
  /** From the beginning of the exchange. */
  readonly afterMs: number;
  /** Why it failed; undefined: it did not, as far as the proxy can tell. */
  readonly detail: string | undefined;
  /** What it may have used, where it was given up without an answer. It is a part of what the exchange counts with. */
  readonly estimated?: {
    readonly inputTokens?: number | undefined;
    readonly outputTokens?: number | undefined;
    readonly costMicros?: number | undefined;
  } | undefined;
}

/** The action of entries that tell of refused attempts to come in. */
export const REFUSED_ACCESS = "access.refused";

/** Who changed what, or came in. */
export interface AuditEntry {
  readonly id: number;
  readonly at: number;
  /** `management token`, `command line`. */
  readonly actor: string;
  /** The address it came from. */
  readonly source: string;
  /** `token.create`, `project.update`, … */
  readonly action: string;
  readonly subjectId: string;
  /** What was asked to change, or how many attempts were refused; never a secret. */
  readonly changes: Readonly<Record<string, unknown>>;
}

/** An entry as it is written: that of a change with the change itself, or not at all. */
export type NewAuditEntry = Omit<AuditEntry, "id">;

/** A list in parts. `before` is the last id of the part before. */
export interface Page {
  readonly limit: number;
  readonly before: number | undefined;
}

/** A part of a list, newest first. */
export interface Listed<Item> {
  readonly items: readonly Item[];
  /** Where the next part begins; undefined: this was the last. */
  readonly next: number | undefined;
}

/** By what usage can be grouped. */
export const USAGE_GROUPS = ["model", "day", "hour", "token", "project", "endpoint", "client"] as const;
/** One of them. */
export type UsageGroup = typeof USAGE_GROUPS[number];

/** How sums are grouped. */
export interface UsageGrouping {
  /** Undefined: all together. */
  readonly group: UsageGroup | undefined;
  /** Each group once more by this. */
  readonly split: UsageGroup | undefined;
  /** Whose midnight ends a day, by its IANA name; undefined: UTC. */
  readonly timeZone: string | undefined;
  /** Sums that are read at most; undefined: all. */
  readonly limit?: number;
}

/** Which exchanges count; what is undefined does not matter. */
export interface UsageFilter {
  /** From this moment on, before that one; both to the hour. */
  readonly from: number | undefined;
  readonly to: number | undefined;
  readonly projectId: string | undefined;
  /** An id, or the name of a token of the configuration. */
  readonly tokenId: string | undefined;
  readonly endpoint: string | undefined;
  readonly model: string | undefined;
  readonly client: string | undefined;
}

/** Sums of a group. */
export interface UsageRow {
  /** The group's value: a name, an id, or `2026-11-21` or `2026-11-21T14:00Z`. */
  readonly key: string;
  /** Of a token or a project. */
  readonly name: string | undefined;
  /** Likewise of the second grouping; undefined where there is none. */
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
  /** Requests with tokens whose price is not known. */
  readonly unpriced: number;
  /** Requests to a model that answered, of which no usage is known. */
  readonly unmetered: number;
  /** Requests whose numbers are in part estimates. */
  readonly estimated: number;
  readonly bytes: number;
  readonly durationMs: number;
  /** Of answers without an error, to within 5 %; undefined where there is none, or with a second grouping. */
  readonly firstByteMs: { readonly median: number; readonly p95: number } | undefined;
}

/** Which exchanges are wanted. */
export interface ExchangeFilter extends UsageFilter {
  readonly status: number | undefined;
  readonly ending: string | undefined;
  /** The proxy's own, or the provider's. */
  readonly requestId: string | undefined;
}

/** What a subject has spent, and how many requests of it were admitted. */
export interface Spending {
  /** `token:tok_…`, `project:prj_…`, `shared:anna`; with a rule for models `token:tok_… gpt-5*`. */
  readonly key: string;
  readonly requests: number;
  readonly totalMicros: number;
  /** By the hour, as far as they were asked for; of long ago by the day. */
  readonly hours: readonly {
    readonly start: number;
    readonly micros: number;
    /** False: the clock was wrong when it was booked. */
    readonly isDated: boolean;
  }[];
}

/** Which object it is: the provider's id of it, at an endpoint. */
export interface ObjectKey {
  readonly endpoint: string;
  readonly id: string;
}

/** An object at a provider that can be looked at again, and what is counted when it is over. Nothing of what it says. */
export interface AwaitedObject extends ObjectKey {
  /** `response`, `batch`, … */
  readonly kind: string;
  /** The file with the results of a batch, once it is known. */
  readonly resultsId: string | undefined;
  /** The request that made it. */
  readonly requestId: string;
  readonly path: string;
  readonly provider: string | undefined;
  readonly backend: string | undefined;
  /** Who made it. */
  readonly principal: string;
  readonly tokenId: string | undefined;
  readonly projectId: string | undefined;
  readonly client: string;
  readonly model: string | undefined;
  /** The tier of processing that was asked for. */
  readonly tier: string | undefined;
  /** The keys of the rules for models that it counts for. */
  readonly modelRules: readonly string[];
  /** What is kept from others until it is over. The tokens counted when it was made. */
  readonly reservedTokens: number;
  readonly reservedMicros: number;
  readonly madeAt: number;
  /** If nothing is known of it by then, it counts with what was reserved. */
  readonly expiresAt: number;
}

/** An object, and whether it was settled. */
export interface KeptObject extends AwaitedObject {
  readonly settled: { readonly at: number; readonly micros: number } | undefined;
}

/** Where all of it is kept. Every method may throw a {@link StoreError}. */
export interface Store {
  /** Where its files are. */
  readonly folder: string;
  /** All projects and tokens, for those who admit requests. */
  readonly readAccess: () => Promise<{ projects: Project[]; tokens: Token[] }>;
  /** Whether another program has changed something since this was asked last. */
  readonly changedElsewhere: () => boolean;
  /** Includes the hours of the last `lastMs` before the latest spending, or before `until` if that is earlier. */
  readonly readSpending: (hours: { until: number; lastMs?: number }) => Promise<Spending[]>;
  /** The clock is right: what was booked while it was wrong, or in later hours than this one, counts in this hour. */
  readonly dateSpending: (hour: number) => Promise<void>;

  readonly addProject: (project: Project, audit: NewAuditEntry) => Promise<void>;
  readonly findProject: (id: string) => Promise<Project | undefined>;
  readonly listProjects: (page: Page & { activeOnly: boolean }) => Promise<Listed<Project>>;
  /** False where its version is another one by now, or it is gone. */
  readonly changeProject: (
    of: { id: string; version: number },
    change: ProjectChange,
    audit: NewAuditEntry,
  ) => Promise<boolean>;
  /** Deletes a project that has no token that is not revoked, and its tokens. Exchanges and sums keep its id. */
  readonly deleteProject: (
    of: { id: string; version: number },
    audit: NewAuditEntry,
  ) => Promise<"deleted" | "has tokens" | "changed">;
  /** Fails as `taken` where another token of the project that is neither revoked nor expired has its name. */
  readonly addToken: (token: Token, audit: NewAuditEntry) => Promise<void>;
  readonly findToken: (id: string) => Promise<Token | undefined>;
  readonly listTokens: (
    page: Page & { projectId: string | undefined; activeAt: number | undefined },
  ) => Promise<Listed<Token>>;
  /** Fails like {@link addToken} for a name. False where its version is another one by now, or it is gone. */
  readonly changeToken: (
    of: { id: string; version: number },
    change: TokenChange,
    audit: NewAuditEntry,
  ) => Promise<boolean>;
  /** Deletes it; exchanges and sums keep its id. False as for {@link changeToken}. */
  readonly deleteToken: (of: { id: string; version: number }, audit: NewAuditEntry) => Promise<boolean>;
  /** Revokes all of a project's tokens; how many it has, and how many had been revoked before. */
  readonly revokeTokens: (
    projectId: string,
    audit: NewAuditEntry,
  ) => Promise<{ total: number; before: number }>;

  /** Writes exchanges, their sums and the tokens' counts: all of it or nothing. */
  readonly addExchanges: (rows: readonly ExchangeRow[]) => Promise<void>;
  readonly usage: (grouping: UsageGrouping, filter: UsageFilter) => Promise<UsageRow[]>;
  readonly listExchanges: (page: Page & ExchangeFilter) => Promise<Listed<ExchangeRow & { id: number }>>;
  /** Writes an entry that belongs to no change. */
  readonly addAudit: (entry: NewAuditEntry) => Promise<void>;
  readonly listAudit: (page: Page) => Promise<Listed<AuditEntry>>;
  /**
   * Drops exchanges that began before a moment; their sums stay, by the hour or, before another moment, by the day.
   * Entries of refused attempts go with the exchanges, all other entries of the audit log stay. Gives how many
   * exchanges were dropped.
   */
  readonly prune: (limits: { exchangesBefore: number; hoursBefore: number }) => Promise<number>;

  /** Keeps an object at a moment. False where it is known already. */
  readonly addObject: (object: AwaitedObject, at: number) => Promise<boolean>;
  /** By its own id, or that of its results. */
  readonly findObject: (key: ObjectKey) => Promise<KeptObject | undefined>;
  /** All that are not settled. */
  readonly openObjects: () => Promise<AwaitedObject[]>;
  /** All that were added, named or settled at a moment or later. */
  readonly changedObjects: (since: number) => Promise<KeptObject[]>;
  /** The file with the results of a batch is known. */
  readonly nameResults: (key: ObjectKey, resultsId: string, at: number) => Promise<void>;
  /** Forgets objects that were settled: those made before a moment, and the oldest beyond a number. */
  readonly pruneObjects: (limits: { madeBefore: number; maxSettled: number }) => Promise<void>;
  /**
   * Settles an object, which need not be kept yet, and writes what it used, if nobody has settled it before: false
   * then, and nothing is written. Of all processes that try it at once, one succeeds.
   */
  readonly settleObject: (
    object: AwaitedObject,
    settled: { at: number; micros: number; rows: readonly ExchangeRow[] },
  ) => Promise<boolean>;

  /** A value of the store's own, by its name. */
  readonly readNote: (name: string) => Promise<string | undefined>;
  readonly writeNote: (name: string, value: string) => Promise<void>;
  /** Copies everything into a new file while it is in use. */
  readonly backup: (file: string) => Promise<void>;
  /** Its size in bytes, on disk. */
  readonly size: () => Promise<number>;
  readonly close: () => void;
}

/** The store failed. `message` says what, for people, without what was to be written. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly kind: "taken" | "busy" | "full" | "readonly" | "unwell" | "moved" | "corrupt" | "newer" | "failed";

  constructor(kind: StoreError["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
