/** Finds a free name for a token that has none. */

/** What {@link freeName} asks. */
export interface Names {
  /** The name that was given last; `undefined` if the project has no token. */
  readonly latest: string | undefined;
  readonly isUsed: (name: string) => Promise<boolean>;
}

/**
 * Finds a free name: the given name, or the name with a number from 2 on. It takes the number after that of
 * the latest name, or else searches with a number of questions that grows with the logarithm of the used
 * names. It finds the lowest free number if there is no gap below.
 */
export async function freeName(name: string, { latest, isUsed }: Names): Promise<string> {
  if (!await isUsed(name)) return name;
  const numbered = (number: number): string => `${name} ${number}`;
  const number = latest === name ? 1 : Number(latest?.match(/ (\d{1,9})$/)?.[1] ?? NaN);
  if ((number === 1 || latest === numbered(number)) && !await isUsed(numbered(number + 1))) {
    return numbered(number + 1);
  }
  let used = 1;
  let free = 2;
  while (await isUsed(numbered(free))) {
    used = free;
    free *= 2;
  }
  while (free - used > 1) {
    const middle = Math.floor((used + free) / 2);
    if (await isUsed(numbered(middle))) used = middle;
    else free = middle;
  }
  return numbered(free);
}
