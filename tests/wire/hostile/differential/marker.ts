/**
 * Markers say whose request something belongs to, and which: `mA.17.0.z` is the first one of A in case 17.
 */

/**
 * A and B are the two principals; D asks the server directly, and S asks for a server's log to be complete.
 */
export type Owner = "A" | "B" | "D" | "S";

/** Whose request, and which. */
export interface Marker {
  readonly owner: Owner;
  readonly number: number;
  readonly index: number;
}

const MARKER = /m([ABDS])\.(\d+)\.(\d+)\.z/g;

/** A marker as text. */
export function markerText(owner: Owner, number: number, index: number): string {
  return `m${owner}.${number}.${index}.z`;
}

/** All markers in a text. */
export function markersIn(text: string): Marker[] {
  return Array.from(text.matchAll(MARKER), ([, owner, number, index]) => ({
    // The expression lets no other letters pass.
    owner: owner as Owner,
    number: Number(number),
    index: Number(index),
  }));
}
