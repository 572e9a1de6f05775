/** The completion script for fish. */

import type { CompletionTree } from "./tree.ts";
import type { ValueDescription } from "../description.ts";

/** Generates the script, which has one line for each command, option and value. */
export function fishScript({ places, valued }: CompletionTree): string {
  const known = places.flatMap(({ words, commands }) =>
    commands.map(({ name }) => `${words} ${name}`.trim())
  );
  const lines = places.flatMap(({ words, commands, arguments: values, options }) => [
    ...commands.map(({ name, description }) =>
      completeLine(words, 0, [`-a ${quoted(name)}`, `-d ${quoted(description)}`])
    ),
    ...values.flatMap((value, index) => {
      const flags = valueFlags(value);
      return flags === undefined ? [] : [completeLine(words, index, [flags])];
    }),
    ...options.map(({ names, description, value }) =>
      completeLine(words, undefined, [
        ...names.map((name) => name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`),
        `-d ${quoted(description)}`,
        ...(value === undefined ? [] : ["-r", valueFlags(value) ?? "-f"]),
      ])
    ),
  ]);
  return `# fish completion for llm-proxy
# Install it as ~/.config/fish/completions/llm-proxy.fish

# Whether the cursor follows the words of a command ($argv[1]), and a number of its arguments ($argv[2], if set).
function __llm_proxy_at
    set -l place
    set -l count 0
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word ${valued.join(" ")}
            set skip 1
        else if not string match -q -- '-*' $word
            set -l next (string trim -- "$place $word")
            if contains -- $next ${known.map(quoted).join(" ")}
                set place $next
            else
                set count (math $count + 1)
            end
        end
    end
    test "$place" = "$argv[1]"; and begin
        not set -q argv[2]; or test $count = $argv[2]
    end
end

complete -c llm-proxy -f
${lines.join("\n")}
`;
}

function completeLine(words: string, index: number | undefined, flags: readonly string[]): string {
  const condition = `__llm_proxy_at "${words}"${index === undefined ? "" : ` ${index}`}`;
  return `complete -c llm-proxy -n ${quoted(condition)} ${flags.join(" ")}`;
}

/** Returns the flags of `complete` for a value. `undefined` if the value can be any text. */
function valueFlags({ kind, choices }: ValueDescription): string | undefined {
  if (choices.length > 0) return `-f -a ${quoted(choices.join(" "))}`;
  if (kind === "file") return "-F";
  return kind === "folder" ? "-f -a '(__fish_complete_directories)'" : undefined;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
