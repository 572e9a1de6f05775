/** What a service consists of: files that are written, and commands that a person runs. */

/** The program that runs services: systemd on Linux, launchd on macOS, NSSM on Windows. */
export type Platform = "systemd" | "launchd" | "windows";

/** What a service is made of. */
export interface ServiceFacts {
  /** Where the program is now. */
  readonly program: string;
  /** Everything that goes to the environment, keys included. */
  readonly variables: ReadonlyMap<string, string>;
  /** The text of the configuration file; undefined where there is none. */
  readonly config: { readonly name: string; readonly text: string } | undefined;
  /** The account that runs it, where the platform makes none of its own. */
  readonly user: string;
  /** `OWNER/NAME` of the repository whose release the program is; undefined: there is none. */
  readonly repository?: string | undefined;
}

/** A file of a service. */
export interface ServiceFile {
  readonly path: string;
  readonly text: string;
  /** Octal, as chmod takes it; Windows has none. */
  readonly mode: number;
  /** It holds keys; this is what is shown instead. */
  readonly shown?: string;
}

/** A service as it is to be. */
export interface ServicePlan {
  readonly files: readonly ServiceFile[];
  /** To be run after the files are there. */
  readonly installCommands: readonly string[];
  /** To be run after the files in `removed` are gone. */
  readonly uninstallCommands: readonly string[];
  /** What uninstalling takes away; the rest holds keys and settings, and stays. */
  readonly removed: readonly string[];
}

/** The file that holds the keys. */
export function environmentFile(path: string, variables: ReadonlyMap<string, string>): ServiceFile {
  const masked = new Map([...variables].map(([name, value]) => [name, name === "CONFIG_PATH" ? value : "…"]));
  return { path, text: environmentText(variables), mode: 0o600, shown: environmentText(masked) };
}

/** `NAME="value"` lines, as systemd reads an environment file and `parseEnv` a `.env`. */
export function environmentText(variables: ReadonlyMap<string, string>): string {
  const lines = [...variables].map(([name, value]) => `${name}=${quoted(value)}`);
  return `# Read when the service starts. Only its owner may read this file: it holds keys.\n${
    lines.join("\n")
  }\n`;
}

/** Whether a value can be written so that systemd and `parseEnv` read the same. */
export function isQuotable(value: string): boolean {
  return !value.includes("'") || !/["\\]/.test(value);
}

function quoted(value: string): string {
  if (/^[\w@%+=:,./…-]*$/.test(value)) return value;
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
