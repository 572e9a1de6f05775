import type { MessageBody } from "../../streams/byte_source.ts";
import type { UpstreamRequest } from "./transport.ts";

/**
 * The body of a request on its way to the upstream. It reports the phase `upload` when it waits for the
 * client, and `first byte` after more of the body has arrived.
 */
export class Upload implements MessageBody {
  readonly length: number | undefined;
  /** Whether the body broke off. The upstream is not to blame then. */
  isBroken = false;
  /** Whether the response has begun. From then on the response decides the phase. */
  isAnswered = false;
  readonly #body: MessageBody;
  readonly #request: Pick<UpstreamRequest, "onPhase">;
  #isWaiting = false;

  constructor(body: MessageBody, request: Pick<UpstreamRequest, "onPhase">) {
    this.length = body.length;
    this.#body = body;
    this.#request = request;
  }

  tryRead(): Uint8Array | null | undefined {
    try {
      const piece = this.#body.tryRead();
      if (piece !== undefined) {
        this.#isWaiting = false;
        if (!this.isAnswered) this.#request.onPhase("first byte");
      }
      return piece;
    } catch (error) {
      this.isBroken = true;
      throw error;
    }
  }

  readable(): Promise<void> {
    if (!this.#isWaiting && !this.isAnswered) {
      this.#isWaiting = true;
      this.#request.onPhase("upload");
    }
    return this.#body.readable();
  }

  cancel(): void {
    this.#body.cancel();
  }
}
