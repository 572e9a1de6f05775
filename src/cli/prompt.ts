/** Questions at a terminal. They go to standard error, so that standard output can go to a file. */

import { CommandError } from "./command_error.ts";
import { writeErr } from "./output.ts";

/**
 * Asks the user questions at a terminal. Both kinds of questions throw a {@link CommandError} for Ctrl-C or
 * the end of the input.
 */
export interface Prompt {
  /** Prints a text without a question. */
  readonly say: (text: string) => void;
  /** Asks for one line. Resolves with an empty text if the user only presses Enter. */
  readonly line: (question: string) => Promise<string>;
  /** Asks for one line that the terminal does not show, such as a key. */
  readonly hidden: (question: string) => Promise<string>;
}

/** The input of a terminal. It may also be a file or a pipe. */
export interface TerminalInput {
  /** Reads bytes, and returns their number. Resolves to `null` at the end of the input. */
  readonly read: (into: Uint8Array) => Promise<number | null>;
  /** Turns raw mode on or off. In raw mode, the terminal shows nothing, and sends each key immediately. */
  readonly setRaw: (isRaw: boolean) => void;
}

const CONTROL = { c: "\x03", d: "\x04", u: "\x15", escape: "\x1b" } as const;
/**
 * Matches the rest of an escape sequence. Arrow keys send escape sequences, and terminals put them around
 * pasted text.
 */
const ESCAPE_SEQUENCE = /^(?:\[[0-9;?]*[ -/]*[@-~]|O.|[^[O])/;

/** Makes a prompt at a terminal. By default, it is the terminal of the program. */
export function terminalPrompt(
  input: TerminalInput = Deno.stdin,
  write: (text: string) => void = writeErr,
): Prompt {
  const decoder = new TextDecoder();
  const bytes = new Uint8Array(4_096);
  /** Input that no question has read yet. */
  let waiting = "";

  const readMore = async (): Promise<void> => {
    const count = await input.read(bytes);
    if (count === null) throw ended();
    waiting += decoder.decode(bytes.subarray(0, count), { stream: true });
  };

  return {
    say: write,
    async line(question) {
      write(question);
      while (!waiting.includes("\n")) await readMore();
      const end = waiting.indexOf("\n");
      const line = waiting.slice(0, end);
      waiting = waiting.slice(end + 1);
      return line.trim();
    },
    async hidden(question) {
      input.setRaw(true);
      write(question);
      try {
        const typed = new HiddenLine();
        while (true) {
          while (waiting === "") await readMore();
          const rest = typed.take(waiting);
          waiting = rest ?? "";
          if (rest !== undefined) return typed.text.trim();
        }
      } finally {
        input.setRaw(false);
        write("\n");
      }
    },
  };
}

/** A line of input in raw mode. It handles the keys for editing, because the terminal does not. */
class HiddenLine {
  text = "";
  /** The start of an escape sequence whose end was not read yet. */
  #unfinished = "";

  /** Adds input. Returns the input after the end of the line. `undefined` if the line has not ended. */
  take(typed: string): string | undefined {
    let rest = this.#unfinished + typed;
    this.#unfinished = "";
    while (rest !== "") {
      const character = rest[0] ?? "";
      if (character === CONTROL.escape) {
        const [sequence] = ESCAPE_SEQUENCE.exec(rest.slice(1)) ?? [];
        if (sequence === undefined) {
          this.#unfinished = rest;
          return undefined;
        }
        rest = rest.slice(1 + sequence.length);
        continue;
      }
      rest = rest.slice(1);
      if (character === "\r" || character === "\n") return rest.replace(/^\n/, "");
      this.#edit(character);
    }
    return undefined;
  }

  #edit(character: string): void {
    if (character === CONTROL.c || character === CONTROL.d && this.text === "") throw ended();
    if (character === CONTROL.u) this.text = "";
    else if (character === "\x7f" || character === "\b") this.text = this.text.slice(0, -1);
    else if (character >= " ") this.text += character;
  }
}

/** Asks a question until the user answers yes or no. If the user only presses Enter, returns `fallback`. */
export async function askYes(prompt: Prompt, question: string, fallback: boolean): Promise<boolean> {
  while (true) {
    const answer = await prompt.line(`${question} [${fallback ? "Y/n" : "y/N"}]: `);
    if (answer === "") return fallback;
    if (/^y(es)?$/i.test(answer)) return true;
    if (/^no?$/i.test(answer)) return false;
    prompt.say("Answer y or n.\n");
  }
}

function ended(): CommandError {
  return new CommandError("Cancelled. Nothing was written.");
}
