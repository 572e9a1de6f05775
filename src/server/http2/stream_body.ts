import type { ServerHttp2Stream } from "node:http2";
import { ClientGone } from "../../cancellation.ts";
import type { ByteSource } from "../../http1/body.ts";
import { ClientWait } from "../client_wait.ts";

/** A request's body as it comes off its stream. */
export class StreamBody implements ByteSource {
  readonly #stream: ServerHttp2Stream;
  /** For the client to go on. */
  readonly wait: ClientWait;

  constructor(stream: ServerHttp2Stream, now: () => number) {
    this.#stream = stream;
    this.wait = new ClientWait(now);
  }

  tryRead(): Uint8Array | null | undefined {
    const piece: Uint8Array | null = this.#stream.read();
    if (piece !== null) return piece;
    if (this.#stream.readableEnded) return null;
    if (this.#stream.destroyed || this.#stream.aborted) throw new ClientGone("the client left");
    return undefined;
  }

  async read(): Promise<Uint8Array | null> {
    while (true) {
      const piece = this.tryRead();
      if (piece !== undefined) return piece;
      await this.wait.for(this.#more());
    }
  }

  /** What is left unread ends with the stream. */
  cancel(): void {}

  async #more(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const happened = () => resolve();
    const events = ["readable", "end", "close", "aborted"] as const;
    for (const event of events) this.#stream.once(event, happened);
    await promise;
    for (const event of events) this.#stream.off(event, happened);
  }
}
