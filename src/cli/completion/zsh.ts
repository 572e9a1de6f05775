/** The completion script for zsh. */

import type { CompletionPlace, CompletionTree } from "./tree.ts";
import type { OptionDescription, ValueDescription } from "../description.ts";

/**
 * Generates the script, which has one function for each command. It needs the completion system of zsh
 * (compinit).
 */
export function zshScript({ places }: CompletionTree): string {
  return `#compdef llm-proxy
# zsh completion for llm-proxy
# Install it as _llm-proxy in a folder of fpath, or load it in ~/.zshrc: source <(llm-proxy completion zsh)

${places.map(functionText).join("\n")}
if [[ "\${funcstack[1]}" == "_llm-proxy" ]]; then
  _llm-proxy "$@"
else
  compdef _llm-proxy llm-proxy
fi
`;
}

function functionText({ words, commands, arguments: values, options }: CompletionPlace): string {
  const specs = options.map(optionSpec);
  if (commands.length === 0) {
    const all = [
      ...specs,
      ...values.map((value, index) => quoted(`${index + 1}:${value.name}:${action(value)}`)),
    ];
    return `${functionName(words)}() {\n  ${argumentsCall("_arguments", all)}\n}\n`;
  }
  const list = commands.map(({ name, description }) => `      ${quoted(`${name}:${description}`)}`).join(
    "\n",
  );
  const cases = commands.map(({ name }) => `        ${name}) ${functionName(`${words} ${name}`.trim())} ;;`);
  return `${functionName(words)}() {
  local curcontext="$curcontext" state line
  typeset -A opt_args
  ${
    argumentsCall("_arguments -C", [
      ...specs,
      quoted("1:command:->command"),
      quoted("*::argument:->argument"),
    ])
  }
  case "$state" in
    command)
      local -a names
      names=(
${list}
      )
      _describe -t commands "command" names
      ;;
    argument)
      case "\${line[1]}" in
${cases.join("\n")}
      esac
      ;;
  esac
}
`;
}

function argumentsCall(start: string, specs: readonly string[]): string {
  return [start, ...specs].join(" \\\n    ");
}

function functionName(words: string): string {
  return words === "" ? "_llm-proxy" : `_llm-proxy__${words.replaceAll(" ", "__")}`;
}

function optionSpec({ names, description, value }: OptionDescription): string {
  const rest = `[${description.replaceAll(/[\\[\]:]/g, "\\$&")}]${
    value ? `:${value.name}:${action(value)}` : ""
  }`;
  if (names.length === 1) return quoted(`${names[0]}${value ? "=" : ""}${rest}`);
  return `${quoted(`(${names.join(" ")})`)}{${names.join(",")}}${quoted(rest)}`;
}

function action({ kind, choices }: ValueDescription): string {
  if (choices.length > 0) return `(${choices.join(" ")})`;
  if (kind === "file") return "_files";
  return kind === "folder" ? "_files -/" : " ";
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
