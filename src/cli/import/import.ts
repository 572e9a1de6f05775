/** `llm-proxy import`: makes a configuration from that of another program. */

import { loadConfig } from "../../config/load.ts";
import { ConfigError } from "../../config/problem.ts";
import { counted } from "../../text/counted.ts";
import { messageOf } from "../../text/error_text.ts";
import { CommandError } from "../command_error.ts";
import { writeErr, writeOut } from "../output.ts";
import { ADDRESS, ADDRESS_PART, Draft } from "./draft.ts";
import { endpointDifference } from "./endpoint_difference.ts";
import { importLitellm } from "./litellm.ts";
import { importLlamaSwap } from "./llama_swap.ts";
import { importOlla } from "./olla.ts";
import { type Item, Source } from "./source.ts";
import { configText, harmlessLine, variableLines } from "./write.ts";

/** A program whose configuration can be imported. */
export type ImportedProgram = "litellm" | "olla" | "llama-swap";

const PROGRAMS: Readonly<
  Record<ImportedProgram, { readonly title: string; readonly read: (root: Item, draft: Draft) => void }>
> = {
  "litellm": { title: "LiteLLM", read: importLitellm },
  "olla": { title: "Olla", read: importOlla },
  "llama-swap": { title: "llama-swap", read: importLlamaSwap },
};

/** The longest file, in bytes. */
const MAX_BYTES = 10_000_000;
/**
 * A value for the check of the result. It takes the place of a secret variable, which may not be set here.
 */
const SAMPLE_SECRET = "sample-of-a-secret-for-";
const SAMPLE_ADDRESS = "http://upstream.invalid";
/** A value for the check in the place of a host or a port. */
const SAMPLE_PART = "8080";

/** The result of an import: the configuration of the proxy, and notes for the user. */
export interface Imported {
  /** The text of the configuration file. */
  readonly text: string;
  readonly draft: Draft;
  /** Notes about what was left out or changed, each with its place in the imported file. */
  readonly notes: readonly string[];
}

/**
 * Writes a `config.toml` from the configuration of another program, to standard output or to a new file.
 * Prints on standard error what it leaves out. Throws a {@link CommandError} if nothing can be written.
 */
export async function importConfig(
  program: ImportedProgram,
  file: string,
  { output }: { readonly output?: string },
): Promise<void> {
  const imported = await convert(program, file, readFile(file));
  if (output === undefined) writeOut(imported.text);
  else writeNew(output, imported.text);
  writeErr(summary(imported, output));
}

/** Converts the text of a file. Throws a {@link CommandError} if it has nothing that the proxy can use. */
export async function convert(program: ImportedProgram, file: string, input: string): Promise<Imported> {
  const { title, read } = PROGRAMS[program];
  const source = new Source(file, input);
  const draft = new Draft();
  for (const [, name = ""] of input.matchAll(/(?:os\.environ\/|\$\{(?:env\.)?)(\w+)/g)) draft.reserve(name);
  read(source.root, draft);
  const notes = source.notes();
  if (draft.endpoints.length === 0) {
    const lines = notes.map((note) => `\n  ${note}`).join("");
    throw new CommandError(`Nothing was written: ${file} has no upstream that llm-proxy can use.${lines}`);
  }
  if (draft.tokens.length === 0) {
    draft.tokens.push(draft.variable("PROXY_TOKEN", "the token of your clients"));
  }
  const text = configText(draft, { program: title, file, notes });
  await checkResult(text, draft);
  return { text, draft, notes };
}

function summary({ draft, notes }: Imported, output: string | undefined): string {
  const list = (lines: readonly string[]): string =>
    lines.map((line) => `  ${harmlessLine(line)}\n`).join("");
  return [
    output === undefined ? "" : `Written: ${output}, with ${counted(draft.endpoints.length, "endpoint")}.\n`,
    notes.length === 0 ? "" : `Left out or changed:\n${list(notes)}`,
    `Set these variables in the environment or in .env:\n${list(variableLines(draft))}`,
    ...draft.hints.map((hint) => `${harmlessLine(hint)}\n`),
    `Then check the result: llm-proxy check --config ${output ?? "config.toml"}\n`,
  ].join("");
}

function readFile(file: string): string {
  try {
    const { size } = Deno.statSync(file);
    if (size > MAX_BYTES) throw new CommandError(`${file} is longer than ${MAX_BYTES} bytes.`, 2);
    return Deno.readTextFileSync(file);
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new CommandError(`Cannot read ${file}: ${messageOf(error)}.`, 2);
  }
}

function writeNew(path: string, text: string): void {
  try {
    Deno.writeTextFileSync(path, text, { createNew: true });
  } catch (error) {
    const reason = error instanceof Deno.errors.AlreadyExists ? "it exists already" : messageOf(error);
    throw new CommandError(`Nothing was written: cannot create ${path}: ${reason}.`);
  }
}

/**
 * Loads the result as the proxy would load it, with sample values for its variables. Throws a
 * {@link CommandError} if it is invalid, or if its endpoints are not those of the draft.
 */
async function checkResult(text: string, draft: Draft): Promise<void> {
  const name = "config.toml";
  const get = (variable: string): string | undefined => {
    const what = draft.variables.get(variable);
    if (what === undefined) return undefined;
    // Each secret gets a different value, because two secrets must not be equal.
    return what === ADDRESS ? SAMPLE_ADDRESS : what === ADDRESS_PART ? SAMPLE_PART : SAMPLE_SECRET + variable;
  };
  try {
    const { config } = await loadConfig({
      get,
      readTextFile(path) {
        if (path === name) return text;
        throw new Deno.errors.NotFound(path);
      },
    });
    const difference = endpointDifference(draft, config.endpoints, get);
    if (difference !== undefined) {
      throw new CommandError(`Nothing was written: the configuration would be wrong: ${difference}.`);
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.problems.map(({ origin, message }) => `\n  ${harmlessLine(`${origin} ${message}`)}`);
    throw new CommandError(`Nothing was written: the configuration would be invalid.${lines.join("")}`);
  }
}
