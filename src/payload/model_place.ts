/** A model's name where it stands in a body. */
export interface ModelPlace {
  /** From the first byte to be replaced to the one behind the last. */
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** How another name is written in this place. */
  readonly write: (name: string) => string;
}
