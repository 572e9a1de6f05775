/**
 * Programs that tests start. All of them are started here, with nothing in their environment but what is
 * given and what any program needs: a variable of the developer's shell never decides how a test ends.
 */

/** Where programs, the runtime's packages and temporary files are, and where coverage goes. */
const KEPT = [
  "PATH",
  "HOME",
  "USERPROFILE",
  "DENO_DIR",
  "XDG_CACHE_HOME",
  "LOCALAPPDATA",
  "SystemRoot",
  "TMPDIR",
  "TEMP",
  "TMP",
  "DENO_COVERAGE_DIR",
  // The runtime's packages lie in a folder by the name of their registry.
  "NPM_CONFIG_REGISTRY",
];

/**
 * What is the same everywhere: nobody asks for a newer runtime, and git reads no settings but a repository's
 * own.
 */
const FIXED = { DENO_NO_UPDATE_CHECK: "1", GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };

/** A command's options but for those that are settled here. */
export type CommandOptions = Omit<Deno.CommandOptions, "clearEnv">;

/**
 * A program with a clean environment; what `env` gives is added to it. Throws where the program is missing,
 * once it is started.
 */
export function command(program: string | URL, { env = {}, ...options }: CommandOptions = {}): Deno.Command {
  return new Deno.Command(program, { ...options, clearEnv: true, env: { ...cleanEnv(), ...env } });
}

/** The runtime itself with a clean environment. */
export function denoCommand(args: readonly string[], options: CommandOptions = {}): Deno.Command {
  return command(Deno.execPath(), { ...options, args: [...args] });
}

/** The part of the environment that programs get. */
export function cleanEnv(): Record<string, string> {
  const kept = Object.fromEntries(KEPT.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
  return { ...kept, ...FIXED };
}
