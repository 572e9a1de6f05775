/** Programs at a terminal: the driver waits for a text on the terminal, and then types. Needs python3. */

import { DeadlinePassed } from "../time/deadline.ts";
import { firstOf, type Reason, without, withoutUnix } from "../runner/left_out.ts";

/** A dialog that takes longer hangs. In seconds. */
const DEADLINE_SECONDS = 60;
/** The driver's exit code if the deadline passes. */
const DEADLINE_CODE = 124;

const DRIVER = `
import json, os, pty, select, signal, sys, time
steps, seconds = json.loads(sys.argv[1])
end = time.monotonic() + seconds
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen, at, waits_for = b"", 0, "the end of the program"
def left():
    seconds_left = end - time.monotonic()
    if seconds_left > 0:
        return seconds_left
    os.kill(pid, signal.SIGKILL)
    sys.stdout.buffer.write(seen)
    sys.stdout.write(f"\\n[after {seconds} s the test still waits for: {waits_for}]\\n")
    sys.stdout.flush()
    os._exit(${DEADLINE_CODE})
def more():
    global seen
    while not select.select([terminal], [], [], left())[0]:
        pass
    try:
        data = os.read(terminal, 65536)
    except OSError:
        data = b""
    seen += data
    return data != b""
while steps:
    # The next step, and the ones behind it as long as those before them may be left out.
    count = next((i for i, step in enumerate(steps) if len(step) == 2), len(steps) - 1) + 1
    waits_for = " or ".join(repr(step[0]) for step in steps[:count])
    found = [(seen.find(step[0].encode(), at), i) for i, step in enumerate(steps[:count])]
    found = [one for one in found if one[0] >= 0]
    if found:
        place, index = min(found)
        at = place + len(steps[index][0].encode())
        os.write(terminal, steps[index][1].encode())
        steps = steps[index + 1:]
    elif not more():
        break
waits_for = "the end of the program"
while more():
    pass
while True:
    ended, status = os.waitpid(pid, os.WNOHANG)
    if ended:
        break
    left()
    time.sleep(0.01)
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(status))
`;

/**
 * A text that the terminal has to show, and the keys typed then. With `"maybe"` the text may also not come.
 */
export type TerminalStep =
  | readonly [shown: string, typed: string]
  | readonly [shown: string, typed: string, "maybe"];

/** The reason why this machine cannot run a program at a terminal. */
export function withoutTerminal(): Reason {
  return firstOf(withoutUnix(), without("python3"));
}

/**
 * The words in front of a command that run it at a terminal. Standard output has everything that the terminal
 * showed. The exit code is that of the command; {@link assertEnded} tells it from that of a dialog that
 * hangs.
 */
export function atTerminal(steps: readonly TerminalStep[]): string[] {
  return ["python3", "-c", DRIVER, JSON.stringify([steps, DEADLINE_SECONDS])];
}

/**
 * Throws {@link DeadlinePassed} if the dialog hung: with the text that it waited for, and all that was shown.
 */
export function assertEnded({ code, shown }: { readonly code: number; readonly shown: string }): void {
  if (code === DEADLINE_CODE) throw new DeadlinePassed(`a dialog at a terminal:\n${shown}`);
}
