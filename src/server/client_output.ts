import type { ByteOutput } from "../http1/writer.ts";

/** The writing side of a client's connection, which knows how long the client has taken nothing. */
export class ClientOutput implements ByteOutput {
  readonly #output: ByteOutput;
  readonly #now: () => number;
  #since: number | undefined;
  #stop: ((error: Error) => void) | undefined;

  constructor(output: ByteOutput, now: () => number) {
    this.#output = output;
    this.#now = now;
  }

  /** Since when a write waits for the client; undefined while none does. */
  get waitingSince(): number | undefined {
    return this.#since;
  }

  write(bytes: Uint8Array): Promise<number> {
    this.#since = this.#now();
    return new Promise((resolve, reject) => {
      this.#stop = reject;
      this.#output.write(bytes).then((count) => {
        this.#since = undefined;
        resolve(count);
      }, reject);
    });
  }

  /** Whoever writes gets the error. */
  giveUp(error: Error): void {
    this.#stop?.(error);
  }
}
