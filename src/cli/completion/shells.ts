/** Shells that commands can be completed in. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;
/** One of them. */
export type Shell = typeof SHELLS[number];
