import type { App } from "../app.ts";
import type { Log } from "../observability/log.ts";
import { endsWithin } from "./ends_within.ts";

/** How long connections may take to end after their exchanges were aborted, in milliseconds. */
const AFTER_ABORT_MS = 500;

/** The calls and times that {@link drainExchanges} uses. */
export interface DrainParts {
  readonly log: Log;
  /** How long running exchanges may continue, in milliseconds. */
  readonly deadlineMs: number;
  /** Closes idle connections, and resolves when all connections have ended. Called before each wait. */
  readonly finish: () => Promise<unknown>;
  /**
   * Closes the connections that are still open after their exchanges were aborted. `undefined` if the server
   * cannot do that.
   */
  readonly close?: () => void;
}

/** Rejects new exchanges, and waits for the running ones until the deadline. Then aborts the rest. */
export async function drainExchanges(
  app: App,
  { log, deadlineMs, finish, close }: DrainParts,
): Promise<void> {
  app.drain();
  log("info", "draining", { in_flight: app.inFlight() });
  if (await endsWithin(finish(), deadlineMs)) return;
  log("warn", "drain_deadline", { in_flight: app.inFlight() });
  app.abortAll();
  // A client that does not read can still keep its connection open.
  if (await endsWithin(finish(), AFTER_ABORT_MS) || close === undefined) return;
  close();
  // A pending write of a closed connection may never end. It then ends with the process.
  await endsWithin(finish(), AFTER_ABORT_MS);
}
