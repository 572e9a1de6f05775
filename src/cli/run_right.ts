/**
 * The right to start other programs. Only `llm-proxy run` and `llm-proxy login` use it, and only until the
 * client or the browser has started. All other commands, including the server, give it up first.
 *
 * The permission set of deno.json names no programs. If it did, the runtime would search `PATH` for these
 * names at each start, and print a line for each missing program. It would also reject a client whose
 * environment has `LD_LIBRARY_PATH`.
 */

/** The commands that start a program of the user. */
const STARTING_COMMANDS: readonly (string | undefined)[] = ["run", "login"];

/** Gives up the right to start programs, unless the arguments name a command that needs it. */
export function limitRights(args: readonly string[]): void {
  if (!STARTING_COMMANDS.includes(args[0])) dropRunRight();
}

/** Gives up the right to start programs, for this process and its workers. The process cannot get it back. */
export function dropRunRight(): void {
  Deno.permissions.revokeSync({ name: "run" });
}
