/** Whether a name matches one of the patterns, where `*` matches any characters. Case-sensitive. */
export function matchesAny(patterns: readonly string[], name: string): boolean {
  return patterns.some((pattern) => wildcardTexts(pattern, name) !== undefined);
}

const NO_TEXTS: readonly string[] = [];

/**
 * The text that each `*` of a pattern matches in a name. The first ones match as little as possible.
 * `undefined` if the pattern does not match.
 */
export function wildcardTexts(pattern: string, name: string): readonly string[] | undefined {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === name ? NO_TEXTS : undefined;
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length) {
    return undefined;
  }
  // Each part between the ends is searched after the previous one. A regular expression could take
  // exponential time.
  let at = first.length;
  const end = name.length - last.length;
  const texts: string[] = [];
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found === -1 || found + part.length > end) return undefined;
    texts.push(name.slice(at, found));
    at = found + part.length;
  }
  texts.push(name.slice(at, end));
  return texts;
}

/** Replaces each `*` of a text with the next one of `texts`. */
export function withWildcards(text: string, texts: readonly string[]): string {
  let index = 0;
  return text.replaceAll("*", () => texts[index++] ?? "");
}
