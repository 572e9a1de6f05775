/** The functions that the main thread and the serving threads call in each other. */

import type { Guess } from "../auth/failure_gate.ts";
import type { TlsConfig } from "../config/config.ts";
import type { Flags } from "../config/read/resolver.ts";
import type { SourcesSnapshot } from "../config/sources/snapshot_sources.ts";
import type { SlotUse } from "../capacity/concurrency_limiter.ts";

/** The ports of the server, which all threads share. */
export interface SharedPorts {
  readonly port: number;
  readonly httpsPort: number | undefined;
  readonly adminPort: number | undefined;
}

/** The slots of requests in shared memory: those of all threads, and those of the thread. */
export interface SlotBuffers {
  readonly counts: SharedArrayBuffer;
  readonly own: SharedArrayBuffer;
}

/** What a serving thread gets at its start. */
export interface ThreadStart {
  /** The number of the worker, from 1. The thread that replaces another one has the same number. */
  readonly worker: number;
  readonly loaded: ThreadConfig;
  readonly ports: SharedPorts;
  readonly slots: Readonly<Record<SlotUse, SlotBuffers>>;
  /** What the main thread knows of the database. `undefined` if the management plane is off. */
  readonly managementState: SharedArrayBuffer | undefined;
}

/** What a serving thread loads its configuration from. */
export interface ThreadConfig {
  readonly snapshot: SourcesSnapshot;
  readonly flags: Flags;
}

/** The functions of a serving thread that the main thread calls. */
export interface ThreadMethods {
  /** Opens the proxy, and listens. Returns the address of the main port. */
  readonly start: (start: ThreadStart) => Promise<{ readonly hostname: string }>;
  /** Makes the thread use another configuration for new requests. */
  readonly configure: (loaded: ThreadConfig) => Promise<void>;
  /** Makes `/readyz` answer with 503. */
  readonly announceDrain: () => void;
  /**
   * Does what `RunningServer.drain` does, and then closes the proxy. `deadlineMs` is how long requests may
   * still run.
   */
  readonly drain: (deadlineMs: number) => Promise<void>;
  /** Counts a wrong token that another thread has received. */
  readonly learnGuess: (guess: Guess) => void;
  /** Makes a group of addresses wait, because other replicas got wrong tokens from it. */
  readonly wait: (group: string, waitMs: number) => void;
}

/** The functions of the main thread that serving threads call. */
export interface MainMethods {
  /** Writes a text to the standard output. */
  readonly write: (text: string) => void;
  /** Passes a wrong token on to the other threads, which count it too. */
  readonly guessed: (guess: Guess) => void;
  readonly acquireSlot: (
    use: SlotUse,
    request: { readonly id: number; readonly holder: string },
  ) => Promise<void>;
  readonly releaseSlot: (use: SlotUse, id: number) => void;
  /** Reports that the server of the thread begins to use another certificate. */
  readonly renewed: (tls: TlsConfig) => void;
  readonly slotFreed: (use: SlotUse) => void;
}
