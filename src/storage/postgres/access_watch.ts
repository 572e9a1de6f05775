/** Notices changes of projects and tokens by other programs. */

import type { Queries } from "./pool.ts";

/**
 * Knows the latest change of projects and tokens. `access_listener.ts` and `access_poller.ts` implement it.
 */
export interface AccessWatch {
  /** Whether the database cannot be reached. Then it is unknown whether something has changed. */
  readonly isDown: boolean;
  /**
   * The present run. The next one begins when everything must be read, because the connection was lost and
   * found again, or the database was restored. Each reader finds out by the run of its position.
   */
  readonly run: number;
  /** Whether a reader that is at a position may have missed a change. */
  readonly hasMoved: (position: number) => boolean;
  /** Notes that a read includes the changes up to a position. */
  readonly wasRead: (position: number) => void;
  /** Stops. Further calls do nothing. */
  readonly close: () => Promise<void>;
}

/** Runs are apart by more than there are changes. */
const RUN = 2 ** 32;

/** The position of a change in a run. In the first run, it is the number of the change. */
export function positionOf(run: number, change: number): number {
  return run * RUN + change;
}

/** The run and the change of a position. */
export function partsOf(position: number): { run: number; change: number } {
  return { run: Math.floor(position / RUN), change: position % RUN };
}

/** What both ways of watching remember. Changes are given by their numbers in the database. */
export class AccessState {
  isDown = false;
  run = 0;
  /** The latest known change. */
  #latest = 0;
  /** The changes that the database has told last: at all, and in a notification. */
  #told = 0;
  #notified = 0;
  /** Whether changes are reported. Before that, each change may be one that was missed. */
  #isFollowing = false;

  /** Notes that the database answers, and its latest change. */
  isAt(change: number): void {
    this.#latest = change;
    this.#isFollowing = true;
    if (this.isDown || change < this.#told) this.run++;
    this.isDown = false;
    this.#told = change;
  }

  /**
   * Notes a notification of a change. Notifications come in the order of their numbers, unless the database
   * was restored to an earlier change while the connection stayed.
   */
  heardOf(change: number): void {
    const isRestored = change <= this.#notified;
    if (isRestored) this.run++;
    this.#notified = change;
    this.#told = isRestored ? change : Math.max(this.#told, change);
    this.#latest = isRestored ? change : Math.max(this.#latest, change);
  }

  /** See {@link AccessWatch.hasMoved}. While the server is away, the caller reads, and so learns of it. */
  hasMoved(position: number): boolean {
    return !this.#isFollowing || this.isDown || position !== positionOf(this.run, this.#latest);
  }

  /** See {@link AccessWatch.wasRead}. */
  wasRead(position: number): void {
    const { run, change } = partsOf(position);
    if (run === this.run) this.#latest = Math.max(this.#latest, change);
  }
}

/** Reads the position of the latest change of a project or a token. 0: there was none. */
export async function latestChange(queries: Queries, timeoutMs?: number): Promise<number> {
  const row = await queries.get(LATEST, [], timeoutMs === undefined ? {} : { timeoutMs });
  return Number(row?.["last"] ?? 0);
}

/** The query of {@link latestChange}. */
export const LATEST = "SELECT max(seq) AS last FROM access_changes";
