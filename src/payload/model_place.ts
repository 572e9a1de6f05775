/** The position of a model's name in a body, and how to write another name there. */
export interface ModelPlace {
  /** The index of the first byte to replace. */
  readonly start: number;
  /** The index after the last byte to replace. */
  readonly end: number;
  /** The model that the proxy sends, unless a model override replaces it. */
  readonly name: string;
  /**
   * The name in the body, if the proxy sends {@link name} instead of it. `undefined` if the body has
   * {@link name}.
   */
  readonly written?: string;
  /** Formats another name for this place. */
  readonly write: (name: string) => string;
}
