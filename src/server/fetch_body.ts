import { ClientGone } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import type { Framing } from "../http/framing.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { StallTimer } from "./stall_timer.ts";

/** What {@link FetchBody} reads a body with. */
export interface FetchBodyParts {
  /** How the head of the request framed the body. */
  readonly framing: Framing;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
  /** Called if the body breaks off, or has another length than the head states. */
  readonly onBroken: (error: ClientGone | ProxyFault) => void;
}

/** The body of a web `Request`. */
export class FetchBody implements MessageBody {
  readonly length: number | undefined;
  /** Runs while the proxy waits for the client to send more of the body. */
  readonly stall: StallTimer;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #onBroken: FetchBodyParts["onBroken"];
  /** The bytes that may still come. */
  #left: number;
  /** The piece that has arrived and was not taken yet. Null: the end. */
  #arrived: Uint8Array | null | undefined;
  #failure: { readonly error: unknown } | undefined;
  #reading: Promise<void> | undefined;
  #hasBegun = false;

  constructor(stream: ReadableStream<Uint8Array>, { framing, now, onBroken }: FetchBodyParts) {
    this.length = framing.kind === "counted" ? framing.length : undefined;
    // HTTP/1.1: a request without framing fields has no body. A body here shows that the request is HTTP/2.
    this.#left = this.length ?? (framing.kind === "absent" ? 0 : Infinity);
    this.stall = new StallTimer(now);
    this.#reader = stream.getReader();
    this.#onBroken = onBroken;
  }

  /** Whether a reader has begun to read the body, and its end has not come. */
  get isPartlyRead(): boolean {
    return this.#hasBegun && this.#arrived !== null;
  }

  /** Throws a {@link ClientGone} if the body broke off, or a {@link ProxyFault} if it has another length. */
  tryRead(): Uint8Array | null | undefined {
    this.#hasBegun = true;
    if (this.#failure !== undefined) throw this.#failure.error;
    const piece = this.#arrived;
    if (piece !== null) this.#arrived = undefined;
    return piece;
  }

  readable(): Promise<void> {
    if (this.#arrived !== undefined || this.#failure !== undefined) return Promise.resolve();
    return this.#reading ??= this.#read();
  }

  async #read(): Promise<void> {
    try {
      let piece = await this.#next();
      while (piece?.length === 0) piece = await this.#next();
      this.#left -= piece?.length ?? 0;
      const isWrong = this.#left < 0 || piece === null && this.length !== undefined && this.#left > 0;
      if (isWrong) throw lengthFault();
      this.#arrived = piece;
    } catch (error) {
      // The runtime does not tell a client that left from one that sent a malformed chunk.
      const known = error instanceof ProxyFault ? error : new ClientGone("the client left during its upload");
      this.#failure = { error: known };
      this.#onBroken(known);
    } finally {
      this.#reading = undefined;
    }
  }

  async #next(): Promise<Uint8Array | null> {
    const { value } = await this.stall.for(this.#reader.read());
    return value ?? null;
  }

  cancel(): void {
    // The stream may have failed, and then it cannot be cancelled.
    this.#reader.cancel().catch(() => {});
  }
}

function lengthFault(): ProxyFault {
  return new ProxyFault("bad_request", "The request's body does not have the length that its head states.");
}
