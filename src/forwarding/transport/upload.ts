import type { MessageBody } from "../../streams/byte_source.ts";
import type { UpstreamRequest } from "./transport.ts";

/**
 * The first bytes go out with the head, when the phase `first byte` has just begun. They need not begin it
 * again.
 */
const AT_ONCE_BYTES = 8 * 1024;

/**
 * The body of a request on its way to the upstream. It reports the phase `upload` when it waits for the
 * client, and `first byte` after more of the body has arrived.
 */
export class Upload implements MessageBody {
  readonly length: number | undefined;
  /** Whether the body broke off. The upstream is not to blame then. */
  isBroken = false;
  /** Whether the response has begun. From then on the response decides the phase. */
  hasResponse = false;
  readonly #body: MessageBody;
  readonly #request: Pick<UpstreamRequest, "onPhase">;
  #isWaiting = false;
  /** The number of bytes that were read. Infinity: the proxy has waited for some. */
  #given = 0;

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
        if (!this.hasResponse && this.#given > AT_ONCE_BYTES) this.#request.onPhase("first byte");
        this.#given += piece?.length ?? 0;
      }
      return piece;
    } catch (error) {
      this.isBroken = true;
      throw error;
    }
  }

  readable(): Promise<void> {
    this.#given = Infinity;
    if (!this.#isWaiting && !this.hasResponse) {
      this.#isWaiting = true;
      this.#request.onPhase("upload");
    }
    return this.#body.readable();
  }

  cancel(): void {
    this.#body.cancel();
  }
}
