import { ClientGone } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import { PulledBody } from "../streams/pulled_source.ts";
import { StallTimer } from "./stall_timer.ts";

/** The parts that an {@link UploadBody} uses. */
export interface UploadParts {
  /** The stated length of the body. `undefined` if the request states none. */
  readonly length: number | undefined;
  /** Returns milliseconds of a monotonic clock. */
  readonly now: () => number;
  /** Called when the client leaves during the upload, or when the body does not have the stated length. */
  readonly onBroken: (error: ClientGone | ProxyFault) => void;
}

/** The body of a request that the runtime gives as a stream. */
export class UploadBody extends PulledBody {
  /** Measures how long the proxy waits for the client to send more of the body. */
  readonly stall: StallTimer;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #onBroken: UploadParts["onBroken"];
  /** The number of bytes that may still arrive. */
  #left: number;

  /** `mostBytes` is the length of the longest body if the request states no length. */
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
      // Empty pieces mean nothing.
      do piece = (await this.stall.for(this.#reader.read())).value; while (piece?.length === 0);
      if (piece === undefined) await this.checkEnd(this.#left);
      this.#left -= piece?.length ?? 0;
      const isTooShort = piece === undefined && this.length !== undefined && this.#left > 0;
      if (this.#left < 0 || isTooShort) throw lengthFault();
      return piece ?? null;
    } catch (error) {
      // If the stream fails, the runtime does not say whether the client left or broke the framing.
      const isKnown = error instanceof ProxyFault || error instanceof ClientGone;
      const cause = isKnown ? error : new ClientGone("the client left during its upload");
      this.#onBroken(cause);
      throw cause;
    }
  }

  /** Throws if the stream has ended before the body. `left` is the number of bytes that may still arrive. */
  protected checkEnd(_left: number): Promise<void> | void {}

  /** Discards the rest of the body. */
  override cancel(): void {
    // The cancellation rejects if the stream has failed.
    this.#reader.cancel().catch(() => {});
  }
}

function lengthFault(): ProxyFault {
  return new ProxyFault("bad_request", "The length of the request body is not the stated content-length.");
}
