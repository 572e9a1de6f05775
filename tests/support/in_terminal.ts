/** Programs that believe to be at a terminal. */

import { firstOf, type Reason, without, withoutUnix } from "./left_out.ts";
import { proxyCommand } from "./proxy_process.ts";

/** Runs its arguments in a terminal, prints all that came, and ends as they did. */
const RUN = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        text = os.read(terminal, 65536)
    except OSError:
        break
    if not text:
        break
    os.write(1, text)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Why there is no terminal here. */
export function withoutTerminal(): Reason {
  return firstOf(withoutUnix(), without("python3"));
}

/** Runs the program in a terminal; gives what it wrote to both streams. */
export async function runInTerminal(
  args: readonly string[],
  { env, cwd }: { env: Record<string, string>; cwd?: string },
): Promise<{ code: number; text: string }> {
  const shell = { PATH: Deno.env.get("PATH") ?? "", TERM: "xterm", ...env };
  const { code, stdout } = await proxyCommand(args, shell, cwd, { around: ["python3", "-c", RUN] }).output();
  return { code, text: new TextDecoder().decode(stdout).replaceAll("\r\n", "\n") };
}
