/** People, their invitations, their sessions and management tokens in a store. */

import type { Person } from "../people/person.ts";
import type { Projects, TokenRole } from "../people/role.ts";
import type { NewAuditEntry } from "./audit_store.ts";
import type { DeviceLoginStore } from "./device_login_store.ts";
import type { DirectoryStore } from "./directory_store.ts";
import type { Listed, Page } from "./page.ts";
import type { PasskeyStore } from "./passkey_store.ts";

/** The members of a person that a change can set. */
export type PersonChange = Partial<Pick<Person, "name" | "role" | "projects" | "disabled">>;

/** What a change of a person must keep. */
export interface PersonGuard {
  /** Whether another administrator must stay who can sign in. */
  readonly keepsAdmin: boolean;
}

/** `stale`: the person has another version by now. `last admin`: see {@link PersonGuard}. */
export type PersonOutcome = "done" | "stale" | "last admin";

/** A link by which a person sets their passphrase, once. The store has only the hash of its value. */
export interface Invitation {
  readonly hash: Uint8Array;
  readonly personId: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Reads and changes people. Every method may throw a `StoreError`. */
export interface PeopleStore {
  /** Throws `taken` if another person has the same login name. */
  readonly addPerson: (person: Person, audit: NewAuditEntry) => Promise<void>;
  readonly findPerson: (id: string) => Promise<Person | undefined>;
  /** Finds a person by the login name, with the hash of the passphrase if the person has one. */
  readonly findSignIn: (
    login: string,
  ) => Promise<{ readonly person: Person; readonly passphrase: string | undefined } | undefined>;
  /** Finds the person whom a provider knows as its subject. */
  readonly findPersonOf: (provider: string, subject: string) => Promise<Person | undefined>;
  /**
   * Finds the person whom any provider knows as its subject, by `providerSubject`. Of several, a
   * disabled one comes first.
   */
  readonly findProviderPerson: (
    subject: string,
  ) => Promise<Pick<Person, "id" | "disabled"> | undefined>;
  /**
   * Notes the name of an account at a provider, and the person to whom its usage belongs, by the id under
   * which usage is counted.
   */
  readonly touchAccount: (account: {
    readonly tokenId: string;
    readonly name: string;
    readonly ownerId: string | undefined;
  }) => Promise<void>;
  readonly listPeople: (page: Page) => Promise<Listed<Person>>;
  /**
   * Changes a person. Tokens of the person are valid while the person is not disabled and belongs to their
   * project, so the change switches them off or on. The sessions of a disabled person end, and so do their
   * management tokens.
   */
  readonly changePerson: (
    of: { id: string; version: number },
    change: PersonChange,
    guarded: { audit: NewAuditEntry; guard: PersonGuard },
  ) => Promise<PersonOutcome>;
  /**
   * Removes a person for ever, and revokes their tokens and management tokens. Their usage stays under their
   * id.
   */
  readonly removePerson: (
    of: { id: string; version: number },
    guarded: { audit: NewAuditEntry; guard: PersonGuard },
  ) => Promise<PersonOutcome>;
  /**
   * Sets the hash of a passphrase. All sessions of the person end but one, and their invitations and
   * management tokens too. Resolves with `false` if there is no such person, or if the person has another
   * version than `checked`.
   */
  readonly setPassphrase: (
    personId: string,
    passphrase: { hash: string; keptSession: string | undefined; checked?: { readonly version: number } },
    audit: NewAuditEntry,
  ) => Promise<boolean>;
  /** Adds an invitation in place of earlier ones of the person. */
  readonly addInvitation: (invitation: Invitation, audit: NewAuditEntry) => Promise<void>;
  /** The person of an invitation that still works, and is not disabled. */
  readonly findInvited: (hash: Uint8Array, at: number) => Promise<Person | undefined>;
  /** Uses an invitation: sets the passphrase of its person. `undefined` if it does not work any more. */
  readonly useInvitation: (
    hash: Uint8Array,
    passphrase: string,
    audit: NewAuditEntry,
  ) => Promise<Person | undefined>;
}

/** A session of the admin page. Times are milliseconds since 1970. */
export interface Session {
  /** `ses_…`, by which people name the session. */
  readonly id: string;
  /** The SHA-256 hash of the value in the cookie. */
  readonly hash: Uint8Array;
  /** `undefined` for the holder of the token of the configuration. */
  readonly personId: string | undefined;
  /**
   * What the session depends on besides its person: the id of the passkey that began it. For the holder of
   * the token of the configuration see `sessions.ts` of the admin page.
   */
  readonly credential: string;
  /** How the person came in: `passphrase`, `passkey`, or the name of a provider. */
  readonly way: string;
  readonly createdAt: number;
  /** The last activity, up to a minute ago. */
  readonly usedAt: number;
  /** When the person last proved who they are. */
  readonly provenAt: number;
  /** The IP address of the last activity. */
  readonly address: string;
  /** The browser of the last activity, as it names itself. */
  readonly browser: string;
}

/** A session with its person. */
export interface SessionOf {
  readonly session: Session;
  readonly person: Person | undefined;
}

/** Reads and changes sessions. Every method may throw a `StoreError`. */
export interface SessionStore {
  /**
   * Adds a session. If its person has more than 100 of them, those with the longest inactivity end. Resolves
   * with `false`, without a session, if the person is disabled, or has another version than `checked`, such
   * as after another passphrase was set.
   */
  readonly addSession: (session: Session, checked?: { readonly version: number }) => Promise<boolean>;
  /** Finds a session that has not ended, by the hash of its value. */
  readonly findSession: (hash: Uint8Array) => Promise<SessionOf | undefined>;
  /** The sessions that have not ended and were used since a time, of one person or of all. */
  readonly listSessions: (
    page: Page & { personId: string | undefined; usedSince: number },
  ) => Promise<Listed<SessionOf>>;
  /** Records the last use of a session, with its address and browser. */
  readonly touchSession: (
    id: string,
    use: Pick<Session, "usedAt" | "address" | "browser">,
  ) => Promise<void>;
  /** Records that the person has proved again who they are. */
  readonly proveSession: (id: string, at: number) => Promise<void>;
  /** Ends a session. Resolves with `false` if no session has this id, or if it is not one of `personId`. */
  readonly endSession: (
    id: string,
    end: { at: number; personId?: string | undefined },
    audit?: NewAuditEntry,
  ) => Promise<boolean>;
}

/** A token for the management API. Times are milliseconds since 1970. */
export interface ManagementToken {
  /** The id, like `mgt_9f3b…`. */
  readonly id: string;
  readonly name: string;
  /** The SHA-256 hash of the value. */
  readonly hash: Uint8Array;
  /** The last four characters of the value, shown to users. */
  readonly suffix: string;
  /** Without meaning if the token has a person: their role and their projects count. */
  readonly role: TokenRole;
  readonly projects: Projects;
  /**
   * The person whose login on another machine the token is: it may do what the person may do. `undefined` for
   * a token of a program.
   */
  readonly personId: string | undefined;
  /** `undefined` if the token does not expire. */
  readonly expiresAt: number | undefined;
  /** Up to a minute ago; `undefined` before the first use. */
  readonly lastUsedAt: number | undefined;
  /** Who made the token, by the name in the audit log. */
  readonly madeBy: string;
  /** The person who made the token, also by another token; `undefined` if no person did. */
  readonly makerId: string | undefined;
  /** Whether the directory of that person says that the person is not active. Only the store sets it. */
  readonly makerHasLeft: boolean;
  readonly createdAt: number;
  /** When the token was revoked, for ever; `undefined` if it was not. */
  readonly revokedAt: number | undefined;
}

/** A management token with its person. */
export interface ManagementTokenOf {
  readonly token: ManagementToken;
  /** `undefined` for a token of a program, and if the person was removed. */
  readonly person: Person | undefined;
}

/** Reads and changes management tokens. Every method may throw a `StoreError`. */
export interface ManagementTokenStore {
  readonly addManagementToken: (token: ManagementToken, audit: NewAuditEntry) => Promise<void>;
  readonly findManagementToken: (
    by: { readonly hash: Uint8Array } | { readonly id: string },
  ) => Promise<ManagementTokenOf | undefined>;
  /** The tokens of one person, or all of them. */
  readonly listManagementTokens: (
    page: Page & { personId: string | undefined },
  ) => Promise<Listed<ManagementTokenOf>>;
  /** Resolves with `false` if there is no such token, or if it is revoked already. */
  readonly revokeManagementToken: (id: string, audit: NewAuditEntry) => Promise<boolean>;
  /** Records the last use of a management token, in milliseconds since 1970. */
  readonly touchManagementToken: (id: string, at: number) => Promise<void>;
}

/** People and their ways in, as one part of a store. Every method may throw a `StoreError`. */
export interface AccountStore
  extends PeopleStore, SessionStore, ManagementTokenStore, DeviceLoginStore, PasskeyStore, DirectoryStore {
  /**
   * Deletes sessions without activity since `usedBefore`, management tokens of people that ended before, and
   * invitations, used challenges and logins of commands that have expired at `now`.
   */
  readonly pruneAccounts: (limits: { now: number; usedBefore: number }) => Promise<void>;
}
