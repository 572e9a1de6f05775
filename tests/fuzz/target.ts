/** What is fuzzed, and what must hold for every input. */

import { random } from "../support/data/random.ts";

/** Random numbers that repeat with their seed. */
export type Random = ReturnType<typeof random>;

/** One parser with what must hold for it. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** Texts in Latin-1 that inputs are likely to need. */
  readonly words: readonly string[];
  /**
   * Throws where a property does not hold for an input. Gives a word for what came of it, like `accepted, 3
   * parts`: an input with a new word is worth keeping, also where it covers nothing new. `chance` follows
   * from the input.
   */
  readonly check: (input: Uint8Array, chance: Random) => string | Promise<string>;
  /**
   * Reads an input as the program does; its time is measured. What it throws is looked at by {@link check}.
   */
  readonly read: (input: Uint8Array) => unknown;
  /** How much longer than others it may take for a byte. */
  readonly slowness?: number;
}

/** A property that does not hold. */
export class PropertyError extends Error {
  override readonly name = "PropertyError";
}

/** Throws where a property does not hold. */
export function holds(condition: boolean, property: string): asserts condition {
  if (!condition) throw new PropertyError(property);
}

/** Throws where two values, written as JSON, differ. */
export function same(one: unknown, other: unknown, property: string): void {
  const [left, right] = [JSON.stringify(one), JSON.stringify(other)];
  if (left !== right) throw new PropertyError(`${property}: ${left} and ${right}`);
}

/** Text as bytes of UTF-8. */
export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Bytes as text, one character a byte. */
export function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/**
 * The same bytes in pieces: in two, in short and long ones, and for some inputs one byte each, which takes
 * the most time. Every piece is in memory of its own, so that no reader looks beyond it.
 */
export function inPieces(bytes: Uint8Array, { below, pick }: Random): Uint8Array[] {
  const most = pick([1, 4, 4, 20, 20, 100, bytes.length + 1, bytes.length + 1]);
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + below(most));
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}

/** Random numbers that follow from an input, so that it fails again whenever it is tried. */
export function chanceOf(input: Uint8Array): Random {
  let hash = 0x811c9dc5;
  for (const byte of input) hash = Math.imul(hash ^ byte, 0x01000193);
  return random(hash >>> 0);
}
