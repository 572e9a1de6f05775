/** How long passphrases are. */

/** The shortest passphrase, in characters. */
export const MIN_PASSPHRASE = 12;
/** The longest passphrase, in characters. */
export const MAX_PASSPHRASE = 500;
