/** A proxy that was started in a terminal: it reloads at SIGHUP, and ends when the terminal is gone. */

import { assertEquals } from "@std/assert";
import { FakeUpstream } from "../../support/upstreams/fake_upstream.ts";
import { firstOf, unless, without, withoutUnix } from "../../support/runner/left_out.ts";
import { proxyCommand, proxyEnv } from "../../support/processes/proxy_process.ts";

/**
 * Runs its arguments in a terminal, does what the first word says once they serve, and prints their exit
 * code.
 */
const IN_TERMINAL = `
import os, pty, signal, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b""
def until(word):
    global seen
    while word not in seen:
        seen += os.read(terminal, 65536)
until(b'"started"')
if sys.argv[1] == "reload":
    os.kill(pid, signal.SIGHUP)
    until(b'"reloaded"')
    os.kill(pid, signal.SIGTERM)
    until(b'"stopped"')
else:
    os.close(terminal)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

const reason = firstOf(withoutUnix(), without("python3"));

for (
  const [action, what] of [
    ["close", "ends when its terminal is closed, as at SIGTERM"],
    ["reload", "reloads at SIGHUP while its terminal is there"],
  ] as const
) {
  Deno.test({
    ...unless(reason, `a proxy in a terminal ${what}`),
    async fn() {
      await using upstream = new FakeUpstream();
      const around = ["python3", "-c", IN_TERMINAL, action];
      const env = { ...proxyEnv({ upstream: upstream.origin }), PATH: Deno.env.get("PATH") ?? "" };
      const { stdout, stderr } = await proxyCommand([], env, undefined, { around }).output();
      assertEquals([new TextDecoder().decode(stdout).trim(), new TextDecoder().decode(stderr)], ["0", ""]);
    },
  });
}
