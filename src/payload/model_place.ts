/** The place of a model's name in a body. */
export interface ModelPlace {
  /** The index of the first byte to replace. */
  readonly start: number;
  /** The index after the last byte to replace. */
  readonly end: number;
  readonly name: string;
  /** Formats another name for this place. */
  readonly write: (name: string) => string;
}
