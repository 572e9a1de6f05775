/** Opens an address in the browser of the user. */

import { allVariables, processSources } from "../../config/sources/env.ts";
import { holdsSecret } from "../../config/sources/variables.ts";
import { findProgram } from "../run_client/child.ts";
import { dropRunRight } from "../run_right.ts";

/** The program that opens an address, with the arguments before it. */
const OPENERS: Partial<Record<typeof Deno.build.os, readonly [program: string, ...args: string[]]>> = {
  darwin: ["open"],
  linux: ["xdg-open"],
  freebsd: ["xdg-open"],
  windows: ["rundll32", "url.dll,FileProtocolHandler"],
};

/**
 * Opens an address in the browser, if a user is at the screen of this machine. Returns whether a program was
 * started. Afterwards this process can start no other program.
 */
export function openBrowser(url: string): boolean {
  const [program, ...args] = OPENERS[Deno.build.os] ?? [];
  try {
    const path = program === undefined || !hasScreen() ? undefined : findProgram(program);
    if (path === undefined) return false;
    const child = new Deno.Command(path, {
      args: [...args, url],
      clearEnv: true,
      // The browser needs no key and no token that the user has set for this program.
      env: Object.fromEntries(
        Object.entries(allVariables()).filter(([name, value]) => !holdsSecret(name, value)),
      ),
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    child.unref();
    return true;
  } catch {
    return false;
  } finally {
    dropRunRight();
  }
}

/** Whether a browser would appear before the user. Over SSH it would appear elsewhere. */
function hasScreen(): boolean {
  const { get } = processSources;
  if (!Deno.stderr.isTerminal() || get("SSH_CONNECTION")) return false;
  if (Deno.build.os !== "linux" && Deno.build.os !== "freebsd") return true;
  return Boolean(get("DISPLAY") || get("WAYLAND_DISPLAY"));
}
