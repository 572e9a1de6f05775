import type { Cancellation } from "../../cancellation.ts";
import type { MessageBody } from "../../streams/byte_source.ts";
import type { FramedBody } from "../../http/body.ts";

/** What the connection does as its answer's body goes on. */
export interface BodyHooks {
  readonly cancellation: Cancellation;
  readonly onEnd: () => void;
  /** Gives what is to be thrown. */
  readonly onFailure: (error: unknown) => Error;
  readonly onCancel: () => void;
}

/** An answer's body, which frees or closes its connection when it ends. */
export class ResponseBody implements MessageBody {
  readonly length: number | undefined;
  readonly #body: FramedBody;
  readonly #hooks: BodyHooks;
  #done = false;

  constructor(body: FramedBody, length: number | undefined, hooks: BodyHooks) {
    this.length = length;
    this.#body = body;
    this.#hooks = hooks;
  }

  tryRead(): Uint8Array | null | undefined {
    if (this.#done) return null;
    try {
      return this.#seen(this.#body.tryRead());
    } catch (error) {
      throw this.#failed(error);
    }
  }

  async read(): Promise<Uint8Array | null> {
    if (this.#done) return null;
    try {
      return this.#seen(await this.#body.read());
    } catch (error) {
      throw this.#failed(error);
    }
  }

  cancel(): void {
    if (this.#done) return;
    this.#done = true;
    this.#hooks.cancellation.stopWith(undefined);
    this.#hooks.onCancel();
  }

  #seen<Piece extends Uint8Array | null | undefined>(piece: Piece): Piece {
    if (piece === null && !this.#done) {
      this.#done = true;
      this.#hooks.onEnd();
    }
    return piece;
  }

  #failed(error: unknown): Error {
    this.#done = true;
    const failure = this.#hooks.onFailure(error);
    return this.#hooks.cancellation.reason ?? failure;
  }
}
