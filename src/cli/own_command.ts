/** Returns the command line of this program, for texts that tell the user which command to run. */

import { processSources } from "../config/sources/env.ts";
import { shellWord } from "../text/shell_word.ts";

/**
 * Returns the command that runs this program in a folder, such as `llm-proxy`. `isHere` means that the folder
 * is the working folder.
 */
export function ownCommand({ isHere }: { isHere: boolean }): string {
  if (!Deno.build.standalone) {
    const root = import.meta.dirname?.replace(/[/\\]src[/\\]cli$/, "") ?? ".";
    if (isHere && root === Deno.cwd()) return "deno task --quiet start";
    const words = [
      "deno",
      "run",
      "--quiet",
      "--no-prompt",
      "--config",
      `${root}/deno.json`,
      "-P=run",
      `${root}/src/main.ts`,
    ];
    return words.map(shellWord).join(" ");
  }
  const path = Deno.execPath();
  const [, folder = "", name = ""] = /^(.*)[/\\]([^/\\]+)$/.exec(path) ?? [];
  const isWindows = Deno.build.os === "windows";
  const searched = (processSources.get("PATH") ?? "").split(isWindows ? ";" : ":");
  if (searched.includes(folder)) return name;
  return shellWord(path);
}
