import { ClientGone } from "../../cancellation.ts";
import type { ByteSource } from "../../http1/body.ts";
import { ClientWait } from "../client_wait.ts";

/** A request's body as it comes off its stream. */
export class StreamBody implements ByteSource {
  /** For the client to go on. */
  readonly wait: ClientWait;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #onBroken: (error: Error) => void;
  #hasEnded = false;

  /** `onBroken` is told when the client leaves within it. */
  constructor(
    stream: ReadableStream<Uint8Array>,
    { now, onBroken }: { now: () => number; onBroken: (error: Error) => void },
  ) {
    this.wait = new ClientWait(now);
    this.#reader = stream.getReader();
    this.#onBroken = onBroken;
  }

  tryRead(): null | undefined {
    return this.#hasEnded ? null : undefined;
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#hasEnded) return null;
    let result: ReadableStreamReadResult<Uint8Array>;
    try {
      result = await this.wait.for(this.#reader.read());
    } catch {
      const gone = new ClientGone("the client left within its upload");
      this.#onBroken(gone);
      throw gone;
    }
    this.#hasEnded = result.done;
    return result.value ?? null;
  }

  /** Nothing more of it is wanted. */
  cancel(): void {
    // A stream that has failed has nothing to be cancelled.
    this.#reader.cancel().catch(() => {});
  }
}
