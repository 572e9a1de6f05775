/** Replaces macros within limits: a few lines of macros in macros can otherwise become gigabytes. */

import { CommandError } from "../command_error.ts";

/** The longest text with macros after they were replaced, in characters. */
const MAX_TEXT = 65_536;
/** The most that macros put into the texts of a file together, in characters. */
const MAX_FILE = 10_000_000;

/** The limits for the macros of one file. */
export class MacroSpace {
  #left = MAX_FILE;

  /** Replaces each `${NAME}`. Throws a {@link CommandError} if the result is too long. */
  replace(text: string, valueOf: (whole: string, name: string) => string): string {
    let length = text.length;
    return text.replace(/\$\{([\w-]+)\}/g, (whole, name: string) => {
      const value = valueOf(whole, name);
      if (value === whole) return whole;
      length += value.length - whole.length;
      this.#left -= value.length;
      if (length > MAX_TEXT) throw tooLong("64 KiB in one text");
      if (this.#left < 0) throw tooLong("10 MB in all texts");
      return value;
    });
  }
}

function tooLong(limit: string): CommandError {
  return new CommandError(`Nothing was written: the macros of the file expand to more than ${limit}.`);
}
