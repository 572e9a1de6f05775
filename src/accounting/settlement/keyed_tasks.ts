/** Runs tasks on the database, for each key one at a time, and again later if the database fails. */

import { StoreError } from "../../storage/store.ts";

/** The highest number of failed tasks that are tried again. */
const MAX_RETRIES = 50_000;

/** What {@link KeyedTasks} reports. */
export interface TaskEvents {
  /** The database failed in a task with a key, which is tried again. */
  readonly onFailed: (reason: string) => void;
  /** A task failed with another error, which is a bug. It is not tried again. */
  readonly onUnexpected: (error: unknown) => void;
}

/** Tasks that run at the same time, except those with the same key. */
export class KeyedTasks {
  readonly #events: TaskEvents;
  /** The keys of running tasks. */
  readonly #busy = new Set<string>();
  /** Failed tasks that are tried again, by their keys. */
  readonly #failed = new Map<string, () => Promise<void>>();
  readonly #running = new Set<Promise<void>>();

  constructor(events: TaskEvents) {
    this.#events = events;
  }

  /** Starts a task, which handles the errors of the database. */
  run(task: () => Promise<void>): void {
    const running = task().catch(this.#events.onUnexpected).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /**
   * Starts a task, unless a task of the same key is running. If the task throws a {@link StoreError}, {@link
   * retry} starts it again.
   */
  runOnce(key: string, task: () => Promise<void>): void {
    if (!this.#busy.has(key)) this.run(() => this.#attempt(key, task));
  }

  /** Starts all failed tasks again. */
  retry(): void {
    for (const [key, task] of [...this.#failed]) {
      this.#failed.delete(key);
      this.runOnce(key, task);
    }
  }

  /** Resolves when no task is running. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  async #attempt(key: string, task: () => Promise<void>): Promise<void> {
    this.#busy.add(key);
    try {
      await task();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#events.onFailed(error.message);
      if (this.#failed.size < MAX_RETRIES) this.#failed.set(key, task);
    } finally {
      this.#busy.delete(key);
    }
  }
}
