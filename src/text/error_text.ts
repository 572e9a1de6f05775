/** Texts of values that were thrown. TypeScript cannot know that such a value is an `Error`. */

/** The message of a thrown value, for people and for log details. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The stack of a thrown value, for the log of unexpected failures; its message if it has no stack. */
export function traceOf(error: unknown): string {
  return error instanceof Error ? error.stack ?? error.message : String(error);
}
