/** Questions on a terminal. They go to standard error, so that standard output can be kept in a file. */

import { CommandError } from "./command_error.ts";
import { writeErr } from "./output.ts";

/** Asks a person. */
export interface Prompt {
  /** Shows a text. */
  readonly say: (text: string) => void;
  /** One line; empty where only Enter is pressed. */
  readonly line: (question: string) => Promise<string>;
  /** One line that is not shown while it is typed or pasted. */
  readonly hidden: (question: string) => Promise<string>;
}

/** Where a terminal's bytes come from. */
export interface TerminalInput {
  readonly read: (into: Uint8Array) => Promise<number | null>;
  /** Raw: nothing is shown, and each key comes at once. */
  readonly setRaw: (isRaw: boolean) => void;
}

const CONTROL = { c: "\x03", d: "\x04", u: "\x15", escape: "\x1b" } as const;
/** What follows an escape: of arrow keys and the like, and of what terminals put around pasted text. */
const ESCAPE_SEQUENCE = /^(?:\[[0-9;?]*[ -/]*[@-~]|O.|[^[O])/;

/** Asks at a terminal, by default the one that the program was started in. */
export function terminalPrompt(
  input: TerminalInput = Deno.stdin,
  write: (text: string) => void = writeErr,
): Prompt {
  const decoder = new TextDecoder();
  const bytes = new Uint8Array(4_096);
  /** What was typed ahead. */
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

/** A line without the terminal's own editing. */
class HiddenLine {
  text = "";
  /** An escape sequence whose end has not come. */
  #unfinished = "";

  /** Takes what was typed. Gives what stands behind the line's end; undefined: it has not ended. */
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

/** The answer to a question with two answers. */
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
  return new CommandError("Ended by you: nothing was written.");
}
