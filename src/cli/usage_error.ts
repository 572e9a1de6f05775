/**
 * The parser's words about wrong usage without what was typed where nothing is known to belong: a key may have been
 * typed there, and standard error is often kept.
 */
export function usageErrorText(text: string): string {
  return text
    .replace(/(unknown option '-[^=']*=)[^]*(?=')/, "$1…")
    .replace(/(Expected \d+ arguments? but got \d+): [^]*/, "$1.\n");
}
