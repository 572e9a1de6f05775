/** Tests that need what a machine may lack: they are ignored there, and their names say why. */

/** Why a test cannot run here; undefined: it can. */
export type Reason = string | undefined;

/**
 * The name of a test and whether it is ignored, to be spread into its definition. `deno task test` reads the
 * reasons out of the names.
 */
export function unless(reason: Reason, name: string): { readonly name: string; readonly ignore: boolean } {
  return reason === undefined
    ? { name, ignore: false }
    : { name: `${name} (left out: ${reason})`, ignore: true };
}

/** The first of the reasons that there is. */
export function firstOf(...reasons: readonly Reason[]): Reason {
  return reasons.find((reason) => reason !== undefined);
}

/** A program that is not in the path, or a file that is no program. */
export function without(program: string): Reason {
  return isInstalled(program) ? undefined : `${program} is not installed`;
}

/** Linux shows its processes in /proc. */
export function withoutProc(): Reason {
  return Deno.build.os === "linux" ? undefined : `${Deno.build.os} has no /proc`;
}

/** Threads share a port only where the system spreads connections over their sockets. */
export function withoutLinux(): Reason {
  return Deno.build.os === "linux" ? undefined : `${Deno.build.os} does not spread connections over threads`;
}

/** Signals, modes of files and shells as Unix has them. */
export function withoutUnix(): Reason {
  return Deno.build.os === "windows" ? "Windows is no Unix" : undefined;
}

/** The loopback address of IPv6, which some containers lack. */
export function withoutIpv6(): Reason {
  try {
    Deno.listen({ hostname: "::1", port: 0 }).close();
    return undefined;
  } catch {
    return "this machine has no IPv6";
  }
}

function isInstalled(program: string): boolean {
  if (program.includes("/")) return isProgram(program);
  const isWindows = Deno.build.os === "windows";
  const folders = (Deno.env.get("PATH") ?? "").split(isWindows ? ";" : ":");
  return folders.some((folder) => isProgram(`${folder}/${program}${isWindows ? ".exe" : ""}`));
}

function isProgram(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
