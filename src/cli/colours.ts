/** Colours at a terminal: problems are red, warnings are yellow, and headings are bold. */

import { processSources } from "../config/sources/env.ts";

/** Standard output or standard error. */
export type OutputStream = "out" | "err";

/** The environment variables that turn colours on or off. */
export const COLOUR_VARIABLES = ["NO_COLOR", "FORCE_COLOR", "TERM"] as const;

const STYLES = { bold: [1, 22], red: [31, 39], yellow: [33, 39] } as const;

/** The style of a text at a terminal. */
export type Style = keyof typeof STYLES;

/**
 * Whether a stream gets colours. `NO_COLOR` decides first, then `FORCE_COLOR`. Without them, a terminal gets
 * colours unless it is `dumb`.
 */
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

/** Returns the text in a style. Returns it unchanged if the stream gets no colours. */
export function styled(style: Style, text: string, stream: OutputStream = "out"): string {
  if (text === "" || !hasColours(stream)) return text;
  const [on, off] = STYLES[style];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}

function variable(name: typeof COLOUR_VARIABLES[number]): string | undefined {
  try {
    return processSources.get(name);
  } catch (error) {
    // The process may not have the permission to read the variable.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}
