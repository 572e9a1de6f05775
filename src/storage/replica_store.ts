/** What the programs on one database know of each other. */

/** A program on the database, with what it last wrote about itself. */
export interface SeenReplica {
  readonly id: string;
  readonly text: string;
  /** How long ago it wrote that, in milliseconds of the clock of the database. */
  readonly ageMs: number;
}

/**
 * The programs on one database, and the tasks that one of them does. Every method may throw a `StoreError`.
 */
export interface ReplicaStore {
  /**
   * Claims a task. Resolves with `false` if a program claimed it less than `everyMs` milliseconds ago, by the
   * clock of the database. If several programs claim it at the same time, one succeeds.
   */
  readonly claimTask: (name: string, everyMs: number) => Promise<boolean>;
  /**
   * Writes a text about this program, which has an id without spaces, and removes programs that have not
   * written for `keptMs` milliseconds. Gives all programs that are left, by their ids.
   */
  readonly announceReplica: (id: string, text: string, keptMs: number) => Promise<SeenReplica[]>;
  /** Removes the text of this program, because it ends. */
  readonly removeReplica: (id: string) => Promise<void>;
}

/**
 * A claim of a task that is this much in the future, in milliseconds, was made before the clock was set back.
 * One that is less in the future was made a moment ago, by a program that had to wait less.
 */
export const CLOCK_STEP_MS = 60_000;
/** The beginning of the names of notes with claims. After it comes the name of the task. */
export const TASK_PREFIX = "task ";
/** The beginning of the names of notes about programs. After it comes the id of the program. */
export const REPLICA_PREFIX = "replica ";

/** Reads a note about a program: the time in milliseconds since 1970, a space and the text. */
export function seenReplica({ name, value, now }: { name: string; value: string; now: number }): SeenReplica {
  const space = value.indexOf(" ");
  return {
    id: name.slice(REPLICA_PREFIX.length),
    text: value.slice(space + 1),
    ageMs: Math.max(0, now - Number(value.slice(0, space))),
  };
}
