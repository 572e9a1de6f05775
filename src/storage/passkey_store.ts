/** Passkeys (WebAuthn) in a store. */

import type { Passkey } from "../people/passkeys/passkey.ts";
import type { NewAuditEntry } from "./audit_store.ts";
import type { Listed, Page } from "./page.ts";

/** The most passkeys of a person. */
export const MAX_PASSKEYS = 20;

/** A passkey with the name of its person. */
export type ListedPasskey = Passkey & { readonly personName: string };

/** A challenge of the proxy, which an authenticator has signed. It works once. */
export interface UsedChallenge {
  readonly challenge: string;
  /** When the challenge would have expired, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** What a new passkey comes with. */
export interface PasskeyAddition extends UsedChallenge {
  /** The session that adds the passkey, which must not have ended. */
  readonly sessionId?: string;
}

/**
 * `ended`: the session has ended. `replayed`: the challenge was used before. `taken`: the passkey belongs to
 * a person already. `too many`: the person has {@link MAX_PASSKEYS} passkeys.
 */
export type AddedPasskey = "done" | "ended" | "replayed" | "taken" | "too many";
/** `replayed`: the challenge was used before. `blocked`: the passkey does not work any more. */
export type TouchedPasskey = "done" | "replayed" | "blocked";
/** `unknown`: the person has no such passkey. `last way in`: the person has no other way to sign in. */
export type RemovedPasskey = "done" | "unknown" | "last way in";

/** Reads and changes passkeys. Every method may throw a `StoreError`. */
export interface PasskeyStore {
  readonly addPasskey: (
    passkey: Passkey,
    addition: PasskeyAddition,
    audit: NewAuditEntry,
  ) => Promise<AddedPasskey>;
  readonly findPasskey: (
    by: { readonly id: string } | { readonly credentialId: string },
  ) => Promise<Passkey | undefined>;
  /** The passkeys of one person or of all, newest first. */
  readonly listPasskeys: (page: Page & { personId: string | undefined }) => Promise<Listed<ListedPasskey>>;
  /**
   * Records a sign-in, whose signature was checked. A counter that is not higher than the last one blocks the
   * passkey, and ends what came of it, as a removal does. `audit` is the entry for that.
   */
  readonly touchPasskey: (
    id: string,
    use: { at: number; counter: number; isSynced: boolean; challenge: UsedChallenge },
    audit: NewAuditEntry,
  ) => Promise<TouchedPasskey>;
  /** Renames a passkey. Resolves with `false` if there is no such passkey, or if it is not of `personId`. */
  readonly renamePasskey: (
    id: string,
    change: { name: string; personId: string | undefined },
    audit: NewAuditEntry,
  ) => Promise<boolean>;
  /**
   * Removes a passkey of `personId`, or of any person. The sessions that it began end. So do the logins of
   * commands that the person confirmed in a session of any passkey.
   */
  readonly removePasskey: (
    id: string,
    of: { personId: string | undefined },
    audit: NewAuditEntry,
  ) => Promise<RemovedPasskey>;
}
