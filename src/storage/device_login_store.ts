/** Logins of commands on other machines (RFC 8628) in a store: asked for, decided by a person, used once. */

import type { NewAuditEntry } from "./audit_store.ts";
import type { ManagementTokenOf } from "./people_store.ts";

/** A command on a machine that asks for a management token. Times are milliseconds since 1970. */
export interface DeviceLogin {
  /** The id, like `dvc_9f3b…`. */
  readonly id: string;
  /** The SHA-256 hash of the device code, which only the command knows. */
  readonly deviceHash: Uint8Array;
  /** The SHA-256 hash of the user code, which the command shows to its user. */
  readonly userHash: Uint8Array;
  /** The machine, as the command names it. */
  readonly machine: string;
  /** The IP address that the request came from. */
  readonly address: string;
  /** The addresses that count together with it: see `addressGroup`. */
  readonly addressGroup: string;
  /** How long the token is valid, from its creation on, in milliseconds. */
  readonly lifetimeMs: number;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** The shortest time between two polls, in milliseconds. */
  readonly intervalMs: number;
}

/** The most logins that have not expired. */
export interface DeviceLoginLimits {
  readonly ofAddressGroup: number;
  readonly ofAll: number;
}

/** Who decides about a login, and when. */
export interface DeviceLoginDecision {
  /** In milliseconds since 1970. */
  readonly at: number;
  /** `undefined` for the holder of the token of the configuration. */
  readonly personId: string | undefined;
  /** The name of the person in the audit log, with the way in. */
  readonly actor: string;
  /** The session of the person, which must not have ended. */
  readonly sessionId?: string | undefined;
}

/**
 * What a poll finds. `pending`: no person has decided yet. `slow_down`: the same, and the command polls too
 * fast; its interval is longer from now on. `confirmed`: {@link DeviceLoginStore.useDeviceLogin} makes the
 * token. `unknown`: no login has the code, or the code was used.
 */
export type DeviceLoginPoll = "pending" | "slow_down" | "confirmed" | "refused" | "expired" | "unknown";

/** Reads and changes logins of commands. Every method may throw a `StoreError`. */
export interface DeviceLoginStore {
  /** Adds a login. Resolves with `false`, without a login, if there would be too many. */
  readonly addDeviceLogin: (login: DeviceLogin, limits: DeviceLoginLimits) => Promise<boolean>;
  /** Finds a login that waits for a decision, by the hash of the user code or by the id. */
  readonly findDeviceLogin: (
    by: { readonly userHash: Uint8Array } | { readonly id: string },
    at: number,
  ) => Promise<DeviceLogin | undefined>;
  /**
   * Confirms a login that waits. Resolves with `false` if none does, if the session has ended, or if the
   * person is disabled or removed.
   */
  readonly confirmDeviceLogin: (
    id: string,
    decision: DeviceLoginDecision,
    audit: NewAuditEntry,
  ) => Promise<boolean>;
  /** Refuses a login that waits. Resolves with `false` if none does. */
  readonly refuseDeviceLogin: (id: string, at: number, audit: NewAuditEntry) => Promise<boolean>;
  /** Records a poll, and tells what it finds. */
  readonly pollDeviceLogin: (deviceHash: Uint8Array, at: number) => Promise<DeviceLoginPoll>;
  /**
   * Makes the management token of a confirmed login, once. `undefined` if the login was used, has expired, or
   * its person has changed since, such as by another passphrase. `at` is in milliseconds since 1970; `source`
   * is the address of the command, for the audit log.
   */
  readonly useDeviceLogin: (
    deviceHash: Uint8Array,
    token: { readonly id: string; readonly hash: Uint8Array; readonly suffix: string },
    use: { readonly at: number; readonly source: string },
  ) => Promise<ManagementTokenOf | undefined>;
}
