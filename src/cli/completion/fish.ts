import type { CompletionTree } from "./tree.ts";
import type { ValueDescription } from "../description.ts";

/** For fish: one line per command, option and value. */
export function fishScript({ places, valued }: CompletionTree): string {
  const known = places.flatMap(({ words, commands }) =>
    commands.map(({ name }) => `${words} ${name}`.trim())
  );
  const lines = places.flatMap(({ words, commands, arguments: values, options }) => [
    ...commands.map(({ name, description }) =>
      completeLine(words, 0, [`-a ${quoted(name)}`, `-d ${quoted(description)}`])
    ),
    ...values.flatMap((value, index) => {
      const given = givenFlags(value);
      return given === undefined ? [] : [completeLine(words, index, [given])];
    }),
    ...options.map(({ names, description, value }) =>
      completeLine(words, undefined, [
        ...names.map((name) => name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`),
        `-d ${quoted(description)}`,
        ...(value === undefined ? [] : ["-r", givenFlags(value) ?? "-f"]),
      ])
    ),
  ]);
  return `# fish completion for llm-proxy
# Put it into ~/.config/fish/completions/llm-proxy.fish

# Whether the cursor is behind the words of a command, and behind so many arguments if a number is given.
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

/** Undefined: it can be anything. */
function givenFlags({ kind, choices }: ValueDescription): string | undefined {
  if (choices.length > 0) return `-f -a ${quoted(choices.join(" "))}`;
  if (kind === "file") return "-F";
  return kind === "folder" ? "-f -a '(__fish_complete_directories)'" : undefined;
}

function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
