/** What the main thread knows of the database, in memory that serving threads share. */

import type { StorageHealth } from "../../own_routes/health.ts";

const CHANGES = 0;
const IS_FAILING = 1;
const REFUSES_TOKENS = 2;
const MEMBERS = 3;

/** The number of changes of projects and tokens, and the health of the database. */
export class SharedState {
  readonly buffer: SharedArrayBuffer;
  readonly #members: Int32Array;

  /** Without a buffer, the state is a new one. */
  constructor(buffer = new SharedArrayBuffer(MEMBERS * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#members = new Int32Array(buffer);
  }

  /** How often projects or tokens have changed. */
  get changes(): number {
    return Atomics.load(this.#members, CHANGES);
  }

  /** Counts a change of projects or tokens, after it is in the database. */
  changed(): void {
    Atomics.add(this.#members, CHANGES, 1);
  }

  /** Whether the database works. */
  get storage(): StorageHealth {
    return Atomics.load(this.#members, IS_FAILING) === 0 ? "ok" : "failing";
  }

  set storage(health: StorageHealth) {
    Atomics.store(this.#members, IS_FAILING, health === "ok" ? 0 : 1);
  }

  /** Whether managed tokens must be rejected, because the database could not confirm them for too long. */
  get refusesTokens(): boolean {
    return Atomics.load(this.#members, REFUSES_TOKENS) === 1;
  }

  set refusesTokens(refuses: boolean) {
    Atomics.store(this.#members, REFUSES_TOKENS, refuses ? 1 : 0);
  }
}
