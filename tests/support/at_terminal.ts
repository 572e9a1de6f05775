/** Programs at a terminal: what they show is waited for, and then something is typed. Needs python3. */

import { firstOf, type Reason, without, withoutUnix } from "./left_out.ts";

const DRIVER = `
import json, os, pty, sys
steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen, at = b"", 0
def more():
    global seen
    try:
        data = os.read(terminal, 65536)
    except OSError:
        data = b""
    seen += data
    return data != b""
for wait, typed in steps:
    wait = wait.encode()
    while wait not in seen[at:]:
        if not more():
            break
    else:
        at = seen.index(wait, at) + len(wait)
        os.write(terminal, typed.encode())
while more():
    pass
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Why a terminal cannot be had here. */
export function withoutTerminal(): Reason {
  return firstOf(withoutUnix(), without("python3"));
}

/**
 * The words to be put around a command, so that it runs at a terminal. Each step is a text that has to be shown, and
 * what is typed then. What the terminal showed comes on standard output, and the exit code is the command's.
 */
export function atTerminal(steps: readonly (readonly [shown: string, typed: string])[]): string[] {
  return ["python3", "-c", DRIVER, JSON.stringify(steps)];
}
