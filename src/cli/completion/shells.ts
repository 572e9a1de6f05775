/** The shells that have a completion script. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;
/** The name of a shell with a completion script. */
export type Shell = typeof SHELLS[number];
