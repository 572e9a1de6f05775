import type { FramedBody } from "../../http/body.ts";
import type { MessageBody } from "../../streams/byte_source.ts";

/** The connection of a {@link ResponseBody}. The body calls at most one of the methods, and once. */
export interface BodyOwner {
  /** The body was read to its end. */
  readonly bodyEnded: () => void;
  /** The body broke off. Returns the error for the reader. */
  readonly bodyFailed: (error: unknown) => Error;
  /** The reader wants no more of the body. */
  readonly bodyCancelled: () => void;
}

/** The body of a response. At its end it frees or closes its connection. */
export class ResponseBody implements MessageBody {
  readonly length: number | undefined;
  readonly #body: FramedBody;
  readonly #owner: BodyOwner;
  #isDone = false;
  #failure: Error | undefined;

  constructor(body: FramedBody, length: number | undefined, owner: BodyOwner) {
    this.length = length;
    this.#body = body;
    this.#owner = owner;
  }

  tryRead(): Uint8Array | null | undefined {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#isDone) return null;
    try {
      const piece = this.#body.tryRead();
      if (piece === null) {
        this.#isDone = true;
        this.#owner.bodyEnded();
      }
      return piece;
    } catch (error) {
      this.#isDone = true;
      throw this.#failure = this.#owner.bodyFailed(error);
    }
  }

  readable(): Promise<void> {
    return this.#body.readable();
  }

  cancel(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#owner.bodyCancelled();
  }
}
