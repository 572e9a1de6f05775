/** A row of a result, by column. */
export type Row = Record<string, unknown>;
