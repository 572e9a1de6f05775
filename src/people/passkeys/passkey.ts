/** A passkey (WebAuthn) of a person. */

/** A passkey of a person. Times are milliseconds since 1970. */
export interface Passkey {
  /** The id, like `pky_9f3b…`, by which people name the passkey. */
  readonly id: string;
  readonly personId: string;
  /** The id that the authenticator gave to the passkey, in base64url. No two passkeys have the same. */
  readonly credentialId: string;
  /** The public key, in the format COSE (RFC 9052). */
  readonly publicKey: Uint8Array;
  /** The number of signatures that the authenticator stated last; 0 if it does not count. */
  readonly counter: number;
  /** How browsers reach the authenticator, like `internal`. */
  readonly transports: readonly string[];
  /** The host name of the admin page for which the passkey was made. Browsers offer it there alone. */
  readonly rpId: string;
  /** The name that the person gave to the passkey. */
  readonly name: string;
  /** Whether the passkey is stored in other places than one authenticator, such as an account. */
  readonly isSynced: boolean;
  readonly createdAt: number;
  /** The last sign-in with the passkey; `undefined` before the first one. */
  readonly lastUsedAt: number | undefined;
  /**
   * When the passkey was blocked, because its counter went back: there may be a copy of the authenticator.
   * `undefined` if it works.
   */
  readonly blockedAt: number | undefined;
}
