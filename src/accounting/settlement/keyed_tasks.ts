/**
 * Runs tasks on the database: for each key, one at a time. If the database fails, a task is tried again
 * later.
 */

import { StoreError } from "../../storage/store.ts";

/** The highest number of failed tasks that are tried again. */
const MAX_RETRIES = 50_000;

/** The reports of a {@link KeyedTasks}. */
export interface TaskEvents {
  /** Called if the database failed in a task with a key. The task is tried again. */
  readonly onFailed: (reason: string) => void;
  /** Called if a task failed with another error, which is a bug. The task is not tried again. */
  readonly onUnexpected: (error: unknown) => void;
}

/** Runs tasks at the same time, except tasks with the same key. */
export class KeyedTasks {
  readonly #events: TaskEvents;
  /** The keys of the running tasks. */
  readonly #busy = new Set<string>();
  /** Failed tasks that are tried again, by their keys. */
  readonly #failed = new Map<string, () => Promise<void>>();
  readonly #running = new Set<Promise<void>>();

  constructor(events: TaskEvents) {
    this.#events = events;
  }

  /** Starts a task. The task handles the errors of the database by itself. */
  run(task: () => Promise<void>): void {
    const running = task().catch(this.#events.onUnexpected).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /**
   * Starts a task, unless a task with the same key is running. If the task throws a {@link StoreError},
   * {@link retry} starts it again.
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
