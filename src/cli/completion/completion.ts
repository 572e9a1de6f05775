/** `llm-proxy completion`. The scripts contain all words, so completion does not start the program. */

import type { CommandDescription } from "../description.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { powershellScript } from "./powershell.ts";
import type { Shell } from "./shells.ts";
import { completionTree } from "./tree.ts";
import { zshScript } from "./zsh.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript, powershell: powershellScript } as const;

/** Generates the completion script for a shell. */
export function completionScript(shell: Shell, program: CommandDescription): string {
  return SCRIPTS[shell](completionTree(program));
}
