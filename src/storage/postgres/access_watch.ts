/** Notices changes of projects and tokens by other programs. */

import type { Queries } from "./pool.ts";

/**
 * Knows the latest change of projects and tokens. `access_listener.ts` and `access_poller.ts` implement it.
 */
export interface AccessWatch {
  /** Whether the database cannot be reached. Then it is unknown whether something has changed. */
  readonly isDown: boolean;
  /**
   * Whether everything must be read, because the connection was lost and found again, or the database was
   * restored.
   */
  readonly needsAll: boolean;
  /** Whether a reader that is at a position may have missed a change. */
  readonly hasMoved: (position: number) => boolean;
  /** Notes that a read includes the changes up to a position, or everything at a position. */
  readonly wasRead: (position: number, of: { all: boolean }) => void;
  /** Stops. Further calls do nothing. */
  readonly close: () => Promise<void>;
}

/** What both ways of watching remember. */
export class AccessState {
  isDown = false;
  needsAll = false;
  /** The position of the latest known change. */
  #latest = 0;
  /** The positions that the database has told last: at all, and in a notification. */
  #told = 0;
  #notified = 0;
  /** Whether changes are reported. Before that, each change may be one that was missed. */
  #isFollowing = false;

  /** Notes that the database answers, and its latest change. */
  isAt(position: number): void {
    this.#latest = position;
    this.#isFollowing = true;
    if (this.isDown || position < this.#told) this.needsAll = true;
    this.isDown = false;
    this.#told = position;
  }

  /**
   * Notes a notification of a change. Notifications come in the order of their positions, unless the database
   * was restored to an earlier position while the connection stayed.
   */
  heardOf(position: number): void {
    if (position <= this.#notified) this.needsAll = true;
    this.#notified = position;
    this.#told = Math.max(this.#told, position);
    this.#latest = this.needsAll ? position : Math.max(this.#latest, position);
  }

  /** See {@link AccessWatch.hasMoved}. While the server is away, the caller reads, and so learns of it. */
  hasMoved(position: number): boolean {
    return !this.#isFollowing || this.isDown || this.needsAll || this.#latest !== position;
  }

  /** See {@link AccessWatch.wasRead}. */
  wasRead(position: number, { all }: { all: boolean }): void {
    if (all) this.needsAll = false;
    this.#latest = Math.max(this.#latest, position);
  }
}

/** Reads the position of the latest change of a project or a token. 0: there was none. */
export async function latestChange(queries: Queries, timeoutMs?: number): Promise<number> {
  const row = await queries.get(LATEST, [], timeoutMs === undefined ? {} : { timeoutMs });
  return Number(row?.["last"] ?? 0);
}

/** The query of {@link latestChange}. */
export const LATEST = "SELECT max(seq) AS last FROM access_changes";
