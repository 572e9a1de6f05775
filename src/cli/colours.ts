/** Colours for people at a terminal: problems red, warnings yellow, headings bold, and nothing else. */

import { processSources } from "../config/sources/env.ts";

/** Where a text goes to. */
export type OutputStream = "out" | "err";

/** The variables that decide about colours. */
export const COLOUR_VARIABLES = ["NO_COLOR", "FORCE_COLOR", "TERM"] as const;

const STYLES = { bold: [1, 22], red: [31, 39], yellow: [33, 39] } as const;

/** What a text can look like. */
export type Style = keyof typeof STYLES;

/** Whether a stream takes colours: `NO_COLOR` first, then `FORCE_COLOR`, then a terminal that is not `dumb`. */
export function hasColours(stream: OutputStream): boolean {
  if ((variable("NO_COLOR") ?? "") !== "") return false;
  const force = variable("FORCE_COLOR");
  if (force !== undefined) return force !== "0" && force !== "false";
  return isInteractive(stream);
}

/** Whether a stream is a terminal that understands control sequences. */
export function isInteractive(stream: OutputStream): boolean {
  return (stream === "out" ? Deno.stdout : Deno.stderr).isTerminal() && variable("TERM") !== "dumb";
}

/** A text in a style where the stream takes colours, else the text as it is. */
export function styled(style: Style, text: string, stream: OutputStream = "out"): string {
  if (text === "" || !hasColours(stream)) return text;
  const [on, off] = STYLES[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}

function variable(name: typeof COLOUR_VARIABLES[number]): string | undefined {
  try {
    return processSources.get(name);
  } catch (error) {
    // Under narrow rights the process may not read it.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
