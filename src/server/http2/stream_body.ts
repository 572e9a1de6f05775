import type { ServerHttp2Stream } from "node:http2";
import { ClientGone } from "../../cancellation.ts";
import type { ByteSource } from "../../http1/body.ts";

/** A request's body as it comes off its stream. */
export class StreamBody implements ByteSource {
  readonly #stream: ServerHttp2Stream;
  readonly #now: () => number;
  #awaitedSince: number | undefined;
  #stopWaiting: ((error: Error) => void) | undefined;

  constructor(stream: ServerHttp2Stream, now: () => number) {
    this.#stream = stream;
    this.#now = now;
  }

  /** Since when the client is waited for; undefined while it is not. */
  get awaitedSince(): number | undefined {
    return this.#awaitedSince;
  }

  /** Nothing more is waited for: whoever reads gets the error. */
  giveUp(error: Error): void {
    this.#stopWaiting?.(error);
  }

  tryRead(): Uint8Array | null | undefined {
    const piece: Uint8Array | null = this.#stream.read();
    if (piece !== null) return piece;
    if (this.#stream.readableEnded) return null;
    if (this.#stream.destroyed || this.#stream.aborted) throw new ClientGone("the client left");
    return undefined;
  }

  async read(): Promise<Uint8Array | null> {
    this.#awaitedSince = this.#now();
    try {
      while (true) {
        const piece = this.tryRead();
        if (piece !== undefined) return piece;
        await this.#more();
      }
    } finally {
      this.#awaitedSince = undefined;
    }
  }

  /** What is left unread ends with the stream. */
  cancel(): void {}

  async #more(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#stopWaiting = reject;
    const happened = () => resolve();
    const events = ["readable", "end", "close", "aborted"] as const;
    for (const event of events) this.#stream.once(event, happened);
    try {
      await promise;
    } finally {
      for (const event of events) this.#stream.off(event, happened);
    }
  }
}
