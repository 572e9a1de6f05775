/** The result of a check of a database. */
export interface Inspection {
  /** The problems that the check of the database found. */
  readonly damage: readonly string[];
  /** The number of the newest migration that the database has. */
  readonly schema: number;
  /** The newest schema version that this program knows. */
  readonly newestSchema: number;
  /**
   * The oldest schema version whose programs can use the database. It is lower than the schema in PostgreSQL,
   * where replicas of two versions run side by side during an upgrade.
   */
  readonly worksSince: number;
  /** The note `KEY_CHECK`, which the key encrypted; `undefined` if no key was used yet. */
  readonly sealed: string | undefined;
  /** Whether another program has the database open. */
  readonly isInUse: boolean;
  /** Whether a pooler shares the connections to the database between transactions. */
  readonly isPooled: boolean;
}
