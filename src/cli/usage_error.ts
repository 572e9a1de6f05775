/**
 * Removes unknown values and surplus arguments from an error of the parser. The user may have typed a key
 * there by mistake, and standard error often goes to a file.
 */
export function usageErrorText(text: string): string {
  return text
    .replace(/(unknown option '-[^=']*=)[^]*(?=')/, "$1…")
    .replace(/(Expected \d+ arguments? but got \d+): [^]*/, "$1.\n");
}
