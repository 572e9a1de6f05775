/** `llm-proxy completion`: scripts that need no further start of the program while a person types. */

import type { CommandDescription } from "../description.ts";
import { bashScript } from "./bash.ts";
import { fishScript } from "./fish.ts";
import { powershellScript } from "./powershell.ts";
import type { Shell } from "./shells.ts";
import { completionTree } from "./tree.ts";
import { zshScript } from "./zsh.ts";

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript, powershell: powershellScript } as const;

/** The script of a shell. */
export function completionScript(shell: Shell, program: CommandDescription): string {
  return SCRIPTS[shell](completionTree(program));
}
