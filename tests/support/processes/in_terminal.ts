/** Programs at a terminal that ask nothing. */

import { assertEnded, atTerminal } from "./at_terminal.ts";
import { proxyCommand } from "./proxy_process.ts";

/** Runs the program at a terminal. `text` has what it wrote to both streams. */
export async function runInTerminal(
  args: readonly string[],
  { env, cwd }: { env: Record<string, string>; cwd?: string },
): Promise<{ code: number; text: string }> {
  const shell = { PATH: Deno.env.get("PATH") ?? "", TERM: "xterm", ...env };
  const { code, stdout } = await proxyCommand(args, shell, cwd, { around: atTerminal([]) }).output();
  const text = new TextDecoder().decode(stdout).replaceAll("\r\n", "\n");
  assertEnded({ code, shown: text });
  return { code, text };
}
