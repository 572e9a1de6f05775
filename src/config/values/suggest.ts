/** The known name that a misspelt one is closestName to; undefined where none is near. */
export function closestName(misspelt: string, known: Iterable<string>): string | undefined {
  const wanted = misspelt.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(wanted, name.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** Says that there is no such endpoint, and which one may be meant. */
export function unknownEndpointText(name: string, known: readonly string[]): string {
  const near = closestName(name, known);
  const hint = near === undefined ? `there are ${known.join(", ") || "none"}` : `did you mean ${near}?`;
  return `there is no endpoint ${JSON.stringify(name)}; ${hint}`;
}

/** How many letters have to be inserted, deleted, replaced or swapped with their neighbour, row by row. */
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
