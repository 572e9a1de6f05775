/** Finds another program, and runs it at the terminal of this program. */

import { processSources } from "../../config/sources/env.ts";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";
import { dropRunRight } from "../run_right.ts";

const IS_WINDOWS = Deno.build.os === "windows";

/** Signals that a terminal sends to all programs in its foreground. The client has already got them. */
const TERMINAL_SIGNALS: readonly Deno.Signal[] = IS_WINDOWS ? ["SIGINT", "SIGBREAK"] : ["SIGINT", "SIGQUIT"];
/** Signals that only this program gets. It forwards them to the client. */
const OTHER_SIGNALS: readonly Deno.Signal[] = IS_WINDOWS ? [] : ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"];

/** Returns the path of a program in `PATH`. `undefined` if the program is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = (processSources.get("PATH") ?? "").split(IS_WINDOWS ? ";" : ":");
  const endings = IS_WINDOWS ? (processSources.get("PATHEXT") ?? ".COM;.EXE;.BAT;.CMD").split(";") : [""];
  for (const folder of folders) {
    // With a relative folder, the working folder would decide what runs. It may be a repository of other
    // people.
    if (!/^(?:[/\\]|[A-Za-z]:[/\\])/.test(folder)) continue;
    for (const ending of endings) {
      const path = `${folder}${IS_WINDOWS ? "\\" : "/"}${name}${ending.toLowerCase()}`;
      if (isExecutable(path)) return path;
    }
  }
  return undefined;
}

/**
 * Runs a program with the standard streams and the terminal of this program, and forwards signals. Returns
 * its exit code. If a signal ended the program, the code is 128 plus the number of the signal. `prepare` is
 * called after the forwarding of signals has begun, and `clean` when the program has ended. After that, this
 * process can start no other program.
 */
export async function runChild(
  path: string,
  { prepare, clean }: {
    prepare: () => { readonly args: readonly string[]; readonly env: Record<string, string> };
    clean: () => void;
  },
): Promise<number> {
  let child: Deno.ChildProcess | undefined;
  let early: Deno.Signal | undefined;
  const forward = (signal: Deno.Signal): void => {
    try {
      if (child === undefined) early = signal;
      else child.kill(signal);
    } catch {
      // The client has already ended.
    }
  };
  const atTerminal = [Deno.stdin, Deno.stdout, Deno.stderr].some((stream) => stream.isTerminal());
  const listeners = [
    ...TERMINAL_SIGNALS.map((signal) => [signal, () => atTerminal || IS_WINDOWS || forward(signal)] as const),
    ...OTHER_SIGNALS.map((signal) => [signal, () => forward(signal)] as const),
  ];
  for (const [signal, listener] of listeners) Deno.addSignalListener(signal, listener);
  try {
    const { args, env } = prepare();
    child = new Deno.Command(path, {
      args: [...args],
      clearEnv: true,
      env,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
    dropRunRight();
    if (early !== undefined) forward(early);
    return (await child.status).code;
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`Cannot start ${path}: ${messageOf(error)}.`);
  } finally {
    clean();
    for (const [signal, listener] of listeners) Deno.removeSignalListener(signal, listener);
  }
}

function isExecutable(path: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(path);
    return isFile && (IS_WINDOWS || mode === null || (mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
