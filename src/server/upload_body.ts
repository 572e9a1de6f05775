import { ClientGone } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import { PulledBody } from "../streams/pulled_source.ts";
import { StallTimer } from "./stall_timer.ts";

/** What an {@link UploadBody} works with. */
export interface UploadParts {
  /** The stated length of the body. `undefined` if the request states none. */
  readonly length: number | undefined;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  /** Called when the client leaves during the upload, or when the body does not have the stated length. */
  readonly onBroken: (error: ClientGone | ProxyFault) => void;
}

/** The body of a request that the runtime gives as a stream. */
export class UploadBody extends PulledBody {
  /** Runs while the proxy waits for the client to send more of the body. */
  readonly stall: StallTimer;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #onBroken: UploadParts["onBroken"];
  /** How many bytes may still come. */
  #left: number;

  /** `mostBytes` is the longest body if no length is stated. */
  constructor(
    stream: ReadableStream<Uint8Array>,
    { length, now, onBroken }: UploadParts,
    { mostBytes = Infinity }: { mostBytes?: number } = {},
  ) {
    super(length);
    this.#left = length ?? mostBytes;
    this.stall = new StallTimer(now);
    this.#reader = stream.getReader();
    this.#onBroken = onBroken;
  }

  /** Throws {@link ClientGone}, or a {@link ProxyFault} if the body does not have the stated length. */
  protected override async pull(): Promise<Uint8Array | null> {
    try {
      let piece: Uint8Array | undefined;
      // Empty pieces have no meaning.
      do piece = (await this.stall.for(this.#reader.read())).value; while (piece?.length === 0);
      if (piece === undefined) await this.checkEnd(this.#left);
      this.#left -= piece?.length ?? 0;
      const isTooShort = piece === undefined && this.length !== undefined && this.#left > 0;
      if (this.#left < 0 || isTooShort) throw lengthFault();
      return piece ?? null;
    } catch (error) {
      // The runtime does not distinguish a client that left from a client that broke the framing.
      const isKnown = error instanceof ProxyFault || error instanceof ClientGone;
      const cause = isKnown ? error : new ClientGone("the client left during its upload");
      this.#onBroken(cause);
      throw cause;
    }
  }

  /**
   * Throws if the stream has ended and the body has not. `left` is the number of bytes that may still come.
   */
  protected checkEnd(_left: number): Promise<void> | void {}

  /** Discards the rest of the body. */
  override cancel(): void {
    // A stream that has failed rejects the cancellation.
    this.#reader.cancel().catch(() => {});
  }
}

function lengthFault(): ProxyFault {
  return new ProxyFault("bad_request", "The length of the request body is not the stated content-length.");
}
