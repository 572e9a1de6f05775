/** What came of one input. */

import { chanceOf, type FuzzTarget, PropertyError } from "./target.ts";

/** What a check said where nothing failed. */
export class Word {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a target says of an input, or what failed. */
export async function failureOf(target: FuzzTarget, input: Uint8Array): Promise<unknown> {
  try {
    return new Word(await target.check(input, chanceOf(input)));
  } catch (error) {
    return error;
  }
}

/** Reads an input for its time alone. */
export async function quietly(target: FuzzTarget, input: Uint8Array): Promise<void> {
  try {
    await target.read(input);
  } catch {
    // The check says whether it may fail so.
  }
}

/** Failures of one kind differ only in what they were found with. */
export function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [words = ""] = error instanceof PropertyError ? error.message.split(":") : [error.message];
  return `${error.name} ${words.replaceAll(/\d+/g, "N").slice(0, 80)}`;
}
