/** The completion script for bash. */

import { type CompletionTree, valuesByOption } from "./tree.ts";
import type { ValueDescription } from "../description.ts";

/** Generates the script. It works with bash 3.2, the version of macOS, and later. */
export function bashScript(tree: CompletionTree): string {
  const { places, valued } = tree;
  const commands = places.filter((place) => place.commands.length > 0);
  return `# bash completion for llm-proxy
# Load it in ~/.bashrc: source <(llm-proxy completion bash)

_llm_proxy() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" place="" option="" count=0 word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    # bash splits --option=value into three words.
    if [[ $word == "=" ]]; then continue; fi
    if [[ -n $option ]]; then option=""; continue; fi
    case "$word" in
      ${valued.join("|")}) option="$word" ;;
      -*) ;;
      *)
        case "$place/$word" in
${
    commands.flatMap(({ words, commands }) =>
      commands.map(({ name }) =>
        `          ${quoted(`${words}/${name}`)}) place=${quoted(`${words} ${name}`.trim())} ;;`
      )
    ).join("\n")
  }
          *) count=$((count + 1)) ;;
        esac
        ;;
    esac
  done
  if [[ $cur == "=" ]]; then cur=""; fi
  if [[ -n $option ]]; then
    case "$place $option" in
${
    valuesByOption(tree).map(({ words, name, value }) =>
      `      ${quoted(`${words} ${name}`)}) ${completionCall(value)} ;;`
    ).join("\n")
  }
    esac
    return
  fi
  if [[ $cur == -* ]]; then
    case "$place" in
${
    places.filter(({ options }) => options.length > 0).map(({ words, options }) =>
      `      ${quoted(words)}) _llm_proxy_words ${quoted(options.flatMap(({ names }) => names).join(" "))} ;;`
    ).join("\n")
  }
    esac
    return
  fi
  case "$place:$count" in
${
    places.flatMap(({ words, commands, arguments: values }) => [
      ...(commands.length > 0
        ? [`    ${quoted(`${words}:0`)}) _llm_proxy_words ${
          quoted(commands.map(({ name }) => name).join(" "))
        } ;;`]
        : []),
      ...values.flatMap((value, index) =>
        value.kind === "text" && value.choices.length === 0
          ? []
          : [`    ${quoted(`${words}:${index}`)}) ${completionCall(value)} ;;`]
      ),
    ]).join("\n")
  }
  esac
}

_llm_proxy_words() {
  COMPREPLY=($(compgen -W "$1" -- "$cur"))
}

_llm_proxy_paths() {
  local IFS=$'\\n'
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen "$1" -- "$cur"))
}

complete -F _llm_proxy llm-proxy
`;
}

function completionCall({ kind, choices }: ValueDescription): string {
  if (choices.length > 0) return `_llm_proxy_words ${quoted(choices.join(" "))}`;
  return `_llm_proxy_paths ${kind === "folder" ? "-d" : "-f"}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
