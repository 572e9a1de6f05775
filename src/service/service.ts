/** The parts of a service: files that the program writes, and commands that the user runs. */

/** The service manager: systemd on Linux, launchd on macOS, NSSM on Windows. */
export type Platform = "systemd" | "launchd" | "windows";

/** The input for the files and commands of a service. */
export interface ServiceFacts {
  /** The path of the program that is running. */
  readonly program: string;
  /** The environment variables of the service, including keys. */
  readonly variables: ReadonlyMap<string, string>;
  /** The name and text of the configuration file. `undefined` if there is no file. */
  readonly config: { readonly name: string; readonly text: string } | undefined;
  /** The account that runs the service on macOS. */
  readonly user: string;
  /** `OWNER/NAME` of the repository that released the program. `undefined` for a local build. */
  readonly repository?: string | undefined;
}

/** A file that installing the service writes. */
export interface ServiceFile {
  readonly path: string;
  readonly text: string;
  /** The mode of the file, as chmod takes it. It has no effect on Windows. */
  readonly mode: number;
  /** The text to show instead of {@link text} if the file contains keys. */
  readonly shown?: string;
}

/** The files and commands of a service. */
export interface ServicePlan {
  /** The files to write, in this order. */
  readonly files: readonly ServiceFile[];
  /** Commands to run after the files are written. */
  readonly installCommands: readonly string[];
  /** Commands to run after the files in {@link removed} are deleted. */
  readonly uninstallCommands: readonly string[];
  /** The paths that uninstalling deletes. The other files have keys and settings, and stay. */
  readonly removed: readonly string[];
}

/** The file with the environment variables. Only its owner can read it. */
export function environmentFile(path: string, variables: ReadonlyMap<string, string>): ServiceFile {
  const masked = new Map([...variables].map(([name, value]) => [name, name === "CONFIG_PATH" ? value : "…"]));
  return { path, text: environmentText(variables), mode: 0o600, shown: environmentText(masked) };
}

/** Formats variables as `NAME="value"` lines, which systemd and `parseEnv` of Node read alike. */
export function environmentText(variables: ReadonlyMap<string, string>): string {
  const lines = [...variables].map(([name, value]) => `${name}=${quoted(value)}`);
  return `# The service reads this file when it starts. It contains keys: only its owner may read it.\n${
    lines.join("\n")
  }\n`;
}

/** Whether systemd and `parseEnv` of Node read the quoted value alike. */
export function isQuotable(value: string): boolean {
  return !value.includes("'") || !/["\\]/.test(value);
}

function quoted(value: string): string {
  if (/^[\w@%+=:,./…-]*$/.test(value)) return value;
  return value.includes("'") ? `"${value}"` : `'${value}'`;
}
