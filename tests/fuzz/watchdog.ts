/**
 * Ends the process when one input takes too long, and says which: a loop without end lets nothing else run.
 */

import { latin1Text } from "./target.ts";
import { MAX_WATCHED_BYTES, type WatchedState } from "./watchdog_state.ts";

/** Watches from a thread. */
export class Watchdog {
  readonly #worker: Worker;
  readonly #state: WatchedState;

  constructor(names: readonly string[], limitMs: number) {
    this.#state = {
      counters: new Int32Array(new SharedArrayBuffer(12)),
      bytes: new Uint8Array(new SharedArrayBuffer(MAX_WATCHED_BYTES)),
    };
    this.#worker = new Worker(import.meta.resolve("./watchdog_worker.ts"), { type: "module" });
    this.#worker.postMessage({ ...this.#state, names, limitMs, pid: Deno.pid });
  }

  /** An input is about to be tried on the target with this index. */
  begins(target: number, input: Uint8Array): void {
    const { counters, bytes } = this.#state;
    const kept = input.subarray(0, MAX_WATCHED_BYTES);
    bytes.set(kept);
    Atomics.store(counters, 1, kept.length);
    Atomics.store(counters, 2, target);
    Atomics.add(counters, 0, 1);
  }

  stop(): void {
    this.#worker.terminate();
  }
}

/** An input as one types it again. */
export function shown(input: Uint8Array): string {
  const text = JSON.stringify(latin1Text(input.subarray(0, 400)));
  return `--replay ${input.toBase64()}\n  ${text}${
    input.length > 400 ? ` and so on, ${input.length} bytes` : ""
  }`;
}
