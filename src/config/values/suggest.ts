/** Returns the known name that is closest to a misspelled one, or undefined if no name is close. */
export function closestName(misspelled: string, known: Iterable<string>): string | undefined {
  const wanted = misspelled.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(wanted, name.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** The message for an endpoint that does not exist, with a suggestion. */
export function unknownEndpointText(name: string, known: readonly string[]): string {
  const near = closestName(name, known);
  const hint = near === undefined
    ? `the endpoints are ${known.join(", ") || "none"}`
    : `did you mean ${near}?`;
  return `there is no endpoint ${JSON.stringify(name)}; ${hint}`;
}

/**
 * The number of letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
 */
function editDistance(one: string, other: string): number {
  let before: number[] = [];
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i++) {
    const next = [i];
    for (let j = 1; j <= other.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      const isSwapped = one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      const swapped = isSwapped ? (before[j - 2] ?? Infinity) + 1 : Infinity;
      next.push(Math.min(replaced, swapped, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[other.length] ?? 0;
}
