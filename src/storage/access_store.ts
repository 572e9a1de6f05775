/** Projects, tokens and their rules in a store. */

import type { Rules } from "../principal.ts";
import type { NewAuditEntry } from "./audit_store.ts";
import type { Listed, Page } from "./page.ts";
import type { Scope } from "../people/scope.ts";

/** A project: a group of tokens with common rules. Times are milliseconds since 1970. */
export interface Project {
  readonly id: string;
  readonly name: string;
  /** Whether the tokens of the project are valid. */
  readonly active: boolean;
  readonly rules: Rules;
  /** The provider keys that requests of the project use, at most one for each endpoint. */
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
  /** The last four characters of the key, shown to users; empty for a short key. */
  readonly suffix: string;
}

/**
 * A managed token, which clients present. The store keeps the hash of its value, not the value. Times are
 * milliseconds since 1970.
 */
export interface Token {
  readonly id: string;
  readonly projectId: string;
  /** The person whose token it is, `usr_…`; `undefined` if it has no owner. It never changes. */
  readonly ownerId: string | undefined;
  readonly name: string;
  /** The SHA-256 hash of the value. */
  readonly hash: Uint8Array;
  /** The last four characters of the value, shown to users. */
  readonly suffix: string;
  /** The value before the last rotation, and when it expires; `undefined` if no earlier value is valid. */
  readonly previous: { readonly hash: Uint8Array; readonly expiresAt: number } | undefined;
  /** Whether a user has switched the token on. A token that is off can be switched on again. */
  readonly active: boolean;
  /** When the token was revoked, for ever; `undefined` if it was not. */
  readonly revokedAt: number | undefined;
  /** `undefined` if the token does not expire. */
  readonly expiresAt: number | undefined;
  readonly rules: Rules;
  /** The number of requests that passed the limits, in the whole life of the token. */
  readonly requestCount: number;
  /**
   * When the last request with the token began, also if it did not pass the limits; `undefined` before the
   * first one.
   */
  readonly lastUsedAt: number | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The number of the last change. A change names the version that it was made from. */
  readonly version: number;
}

/** The members of a project that a change can set. */
export type ProjectChange = Partial<Pick<Project, "name" | "active" | "rules" | "keys">>;
/** The members of a token that a change can set. */
export type TokenChange = Partial<
  Pick<Token, "name" | "active" | "revokedAt" | "expiresAt" | "rules" | "hash" | "suffix" | "previous">
>;

/** All projects and tokens at one position in the sequence of changes. */
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

/**
 * How long a store may take to notice that its database is away, in milliseconds. Until then
 * `hasAccessChanged` can return `false`.
 */
export const NOTICED_WITHIN_MS = 15_000;

/** Reads what the check of requests needs. Every method may throw a `StoreError`. */
export interface AccessStore {
  /** Reads all projects and tokens, for the check of requests. */
  readonly readAccess: () => Promise<Access>;
  /**
   * Reads the projects and tokens that changed after a position. The counts of requests of a token are no
   * change. Resolves with `undefined` if the store no longer has all changes after the position; then read
   * everything.
   */
  readonly readAccessChanges: (position: number) => Promise<AccessChanges | undefined>;
  /**
   * Whether another program has changed a project or a token after a position. A change by this store can be
   * missing, so its caller reads it without asking. Each turn of the event loop makes this call, so it must
   * be fast and cannot wait: an adapter whose database sends notifications keeps the last one. While the
   * database is away it returns `true` or throws, after {@link NOTICED_WITHIN_MS} at the latest.
   */
  readonly hasAccessChanged: (position: number) => boolean;
}

/** Which projects a list has. */
export interface ProjectFilter {
  readonly activeOnly: boolean;
  /** What the reader may see; `undefined` for everything. */
  readonly within?: Scope | undefined;
}

/** Which tokens to list. An undefined member does not filter. */
export interface TokenFilter {
  readonly projectId: string | undefined;
  /** The person whose tokens are listed. */
  readonly ownerId?: string | undefined;
  /** The time at which the tokens are valid, in milliseconds since 1970. */
  readonly activeAt: number | undefined;
  /** What the reader may see; `undefined` for everything. */
  readonly within?: Scope | undefined;
}

/** Reads and changes projects. Every method may throw a `StoreError`. */
export interface ProjectStore {
  readonly addProject: (project: Project, audit: NewAuditEntry) => Promise<void>;
  readonly findProject: (id: string) => Promise<Project | undefined>;
  readonly listProjects: (page: Page & ProjectFilter) => Promise<Listed<Project>>;
  /** Resolves with `false` if the project has another version by now, or was deleted. */
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
}

/** Reads and changes managed tokens. Every method may throw a `StoreError`. */
export interface TokenStore {
  /**
   * Throws `taken` if another token of the project has the same name, and is neither revoked nor expired. A
   * token whose owner may not use the project is added without being active.
   */
  readonly addToken: (token: Token, audit: NewAuditEntry) => Promise<void>;
  readonly findToken: (id: string) => Promise<Token | undefined>;
  readonly listTokens: (
    page: Page & TokenFilter,
  ) => Promise<Listed<Token>>;
  /** Whether a token of the project has a name, and is not revoked. */
  readonly isTokenNameUsed: (projectId: string, name: string) => Promise<boolean>;
  /**
   * Throws `taken` like `addToken`. A token whose owner may not use its
   * project does not become active (see `changePerson`). Resolves with `false` if the token has another
   * version by now, or was deleted.
   */
  readonly changeToken: (
    of: { id: string; version: number },
    change: TokenChange,
    audit: NewAuditEntry,
  ) => Promise<boolean>;
  /**
   * Deletes a token. Exchanges and sums keep its id. Resolves with `false` if it has another version by now,
   * or was deleted.
   */
  readonly deleteToken: (of: { id: string; version: number }, audit: NewAuditEntry) => Promise<boolean>;
  /** Revokes all tokens of a project. Returns the number of its tokens, and how many were revoked before. */
  readonly revokeTokens: (
    projectId: string,
    audit: NewAuditEntry,
  ) => Promise<{ total: number; before: number }>;
}
