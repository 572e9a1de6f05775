/** Which values of a JSON text are wanted, as the scanner looks for them. */

/** What is wanted of an object, by key; `*` stands for the elements of an array. `true` takes a value whole. */
export interface Wanted {
  readonly [key: string]: Wanted | true;
}

/** What is wanted, made ready once for many texts by {@link wantedPlaces}. */
export interface Place {
  readonly path: string;
  /** Undefined: this value is taken whole. */
  readonly children: readonly WantedKey[] | undefined;
  /** Of the elements of an array. */
  readonly elements: Place | undefined;
}

interface WantedKey {
  readonly bytes: Uint8Array;
  readonly place: Place;
}

/** Makes ready what is wanted. */
export function wantedPlaces(wanted: Wanted): Place {
  return placeOf(wanted, "");
}

function placeOf(wanted: Wanted | true, path: string): Place {
  if (wanted === true) return { path, children: undefined, elements: undefined };
  const encoder = new TextEncoder();
  const inner = Object.entries(wanted).map(([key, value]) => ({
    key,
    bytes: encoder.encode(key),
    place: placeOf(value, path === "" ? key : `${path}.${key}`),
  }));
  return {
    path,
    children: inner.filter(({ key }) => key !== "*"),
    elements: inner.find(({ key }) => key === "*")?.place,
  };
}

/** Compares bytes: to make a text of every key would cost more than all the rest. */
export function wantedAt(
  place: Place | undefined,
  bytes: Uint8Array,
  from: number,
  to: number,
): Place | undefined {
  for (const { bytes: wanted, place: inner } of place?.children ?? []) {
    if (wanted.length !== to - from || wanted[0] !== bytes[from]) continue;
    let at = 1;
    while (at < wanted.length && wanted[at] === bytes[from + at]) at++;
    if (at === wanted.length) return inner;
  }
  return undefined;
}
