/** Replaces macros within limits. Otherwise a few lines with macros in macros could become gigabytes. */

import { CommandError } from "../command_error.ts";

/** The longest text after its macros were replaced, in characters. */
const MAX_TEXT = 65_536;
/** The most characters that macros may add to all texts of a file together. */
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
