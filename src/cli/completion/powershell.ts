/** The completion script for PowerShell. */

import { type CompletionTree, valuesByOption } from "./tree.ts";
import type { ValueDescription } from "../description.ts";

/** Generates the script. It works with Windows PowerShell 5.1 and later. */
export function powershellScript(tree: CompletionTree): string {
  const { places, valued } = tree;
  const offers = places.flatMap(({ words, commands, arguments: values, options }) => [
    ...(commands.length > 0
      ? [
        `${quoted(`${words}:0`)} = @(${
          commands.map(({ name, description }) => pair(name, description)).join(", ")
        })`,
      ]
      : []),
    ...values.flatMap((value, index) =>
      value.choices.length === 0 ? [] : [`${quoted(`${words}:${index}`)} = @(${choicesText(value)})`]
    ),
    ...(options.length > 0
      ? [
        `${quoted(`${words}:-`)} = @(${
          options.flatMap(({ names, description }) => names.map((name) => pair(name, description))).join(", ")
        })`,
      ]
      : []),
  ]);
  const ofOptions = valuesByOption(tree).filter(({ value }) => value.choices.length > 0).map((
    { words, name, value },
  ) => `${quoted(`${words} ${name}`)} = @(${choicesText(value)})`);
  const known = places.flatMap(({ words, commands }) =>
    commands.map(({ name }) => quoted(`${words} ${name}`.trim()))
  );
  return `# PowerShell completion for llm-proxy
# Add it to your profile: llm-proxy completion powershell >> $PROFILE

Register-ArgumentCompleter -Native -CommandName @('llm-proxy', 'llm-proxy.exe') -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $valued = @(${valued.map(quoted).join(", ")})
  $known = @(${known.join(", ")})
  $offers = @{
${[...offers, ...ofOptions].map((line) => `    ${line}`).join("\n")}
  }
  $place = ''
  $option = ''
  $count = 0
  foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {
    if ($element.Extent.EndOffset -ge $cursorPosition -and $wordToComplete -ne '') { break }
    $word = $element.Extent.Text
    if ($option -ne '') { $option = ''; continue }
    if ($valued -contains $word) { $option = $word; continue }
    if ($word.StartsWith('-')) { continue }
    $next = "$place $word".Trim()
    if ($known -contains $next) { $place = $next } else { $count++ }
  }
  $key = "\${place}:\${count}"
  if ($option -ne '') { $key = "$place $option" }
  elseif ($wordToComplete.StartsWith('-')) { $key = "\${place}:-" }
  $offers[$key] | Where-Object { $_ -and $_.StartsWith($wordToComplete) } | ForEach-Object {
    $name, $tip = $_.Split([char]9)
    [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $tip)
  }
}
`;
}

function choicesText({ choices, name }: ValueDescription): string {
  return choices.map((choice) => pair(choice, name)).join(", ");
}

/** Returns a text and its tooltip, separated by a tab. */
function pair(text: string, tip: string): string {
  return quoted(`${text}\t${tip === "" ? text : tip}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
