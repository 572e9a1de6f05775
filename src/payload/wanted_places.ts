/** Which values of a JSON text are wanted, as the scanner looks for them. */

/**
 * What is wanted of an object, by key; `*` stands for the elements of an array. `true` takes a value whole, `"length"`
 * its length in bytes alone. The empty key is for a place that may hold a text instead: what is wanted of that.
 */
export interface Wanted {
  readonly [key: string]: Wanted | true | "length";
}

/** What is wanted, made ready once for many texts by {@link wantedPlaces}. */
export interface Place {
  readonly path: string;
  /** Undefined: this value is taken whole, or measured. */
  readonly children: readonly WantedKey[] | undefined;
  /** Only the length of the value is wanted, of one with children where it is a text. */
  readonly isMeasured: boolean;
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

/** What is wanted of one or the other. */
export function mergedWanted(one: Wanted, other: Wanted): Wanted {
  const merged: Record<string, Wanted | true | "length"> = { ...one };
  for (const [key, value] of Object.entries(other)) {
    const present = merged[key];
    merged[key] = typeof present === "object" && typeof value === "object"
      ? mergedWanted(present, value)
      : value;
  }
  return merged;
}

function placeOf(wanted: Wanted | true | "length", path: string): Place {
  if (wanted === true || wanted === "length") {
    return { path, children: undefined, isMeasured: wanted === "length", elements: undefined };
  }
  const encoder = new TextEncoder();
  const inner = Object.entries(wanted).map(([key, value]) => ({
    key,
    bytes: encoder.encode(key),
    place: placeOf(value, path === "" ? key : `${path}.${key}`),
  }));
  return {
    path,
    children: inner.filter(({ key }) => key !== "*" && key !== ""),
    isMeasured: wanted[""] !== undefined,
    elements: inner.find(({ key }) => key === "*")?.place,
  };
}

/** No wanted key is as long, even with each of its letters as an escape of six bytes. */
export const MAX_KEY_BYTES = 128;
const BACKSLASH = 0x5c;

/** Where the value of a key is wanted. Compares bytes: to make a text of every key would cost more than all the rest. */
export function wantedAt(
  place: Place | undefined,
  bytes: Uint8Array,
  from: number,
  to: number,
): Place | undefined {
  const keys = place?.children ?? [];
  if (keys.length === 0 || to - from >= MAX_KEY_BYTES) return undefined;
  for (const { bytes: wanted, place: inner } of keys) {
    if (wanted.length !== to - from || wanted[0] !== bytes[from]) continue;
    let at = 1;
    while (at < wanted.length && wanted[at] === bytes[from + at]) at++;
    if (at === wanted.length) return inner;
  }
  let at = from;
  while (at < to && bytes[at] !== BACKSLASH) at++;
  return at === to ? undefined : wantedAsText(keys, bytes.subarray(from, to));
}

/** The same for a key with escapes. */
function wantedAsText(keys: readonly WantedKey[], key: Uint8Array): Place | undefined {
  try {
    const text: unknown = JSON.parse(`"${new TextDecoder().decode(key)}"`);
    const plain = new TextEncoder().encode(String(text));
    return keys.find(({ bytes }) =>
      bytes.length === plain.length && bytes.every((byte, at) => byte === plain[at])
    )
      ?.place;
  } catch {
    return undefined;
  }
}
