/**
 * The right to start other programs. Only `llm-proxy run` uses it, and only until its client has started. All
 * other commands, including the server, give it up first.
 *
 * The permission set of deno.json names no programs. If it did, the runtime would search `PATH` for these
 * names at each start, and print a line for each missing program. It would also reject a client whose
 * environment has `LD_LIBRARY_PATH`.
 */

/** The command that uses the right, because it starts a program of the user. */
const STARTING_COMMAND = "run";

/** Gives up the right to start programs, unless the arguments name the command that uses it. */
export function limitRights(args: readonly string[]): void {
  if (args[0] !== STARTING_COMMAND) dropRunRight();
}

/** Gives up the right to start programs, for this process and its workers. The process cannot get it back. */
export function dropRunRight(): void {
  Deno.permissions.revokeSync({ name: "run" });
}
