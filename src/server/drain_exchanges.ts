import type { App } from "../app.ts";
import type { Log } from "../observability/log.ts";
import { endsWithin } from "./ends_within.ts";

/** How long connections may take to end after their exchanges were aborted. */
const AFTER_ABORT_MS = 500;

/** What {@link drainExchanges} needs of a server. */
export interface DrainParts {
  readonly log: Log;
  /** How long running exchanges may go on. */
  readonly deadlineMs: number;
  /** Closes idle connections, and resolves when all connections have ended. Called before each wait. */
  readonly finish: () => Promise<unknown>;
  /**
   * Closes the connections that are open even after the abort of their exchanges. `undefined` if it cannot.
   */
  readonly close?: () => void;
}

/** Rejects new exchanges, waits for the running ones until the deadline, and then aborts the rest. */
export async function drainExchanges(
  app: App,
  { log, deadlineMs, finish, close }: DrainParts,
): Promise<void> {
  app.drain();
  log("info", "draining", { in_flight: app.inFlight() });
  if (await endsWithin(finish(), deadlineMs)) return;
  log("warn", "drain_deadline", { in_flight: app.inFlight() });
  app.abortAll();
  // A client that does not read keeps its connection open even then.
  if (await endsWithin(finish(), AFTER_ABORT_MS) || close === undefined) return;
  close();
  // If the runtime does not end a pending write of a closed connection, the end of the process does.
  await endsWithin(finish(), AFTER_ABORT_MS);
}
