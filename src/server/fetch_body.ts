import { ClientGone } from "../cancellation.ts";
import { ProxyFault } from "../faults.ts";
import type { Framing } from "../http/framing.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { ClientWait } from "./client_wait.ts";

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
  /** The wait for the client to send more of the body. */
  readonly wait: ClientWait;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #onBroken: FetchBodyParts["onBroken"];
  /** The bytes that may still come. */
  #left: number;
  #hasBegun = false;
  #hasEnded = false;

  constructor(stream: ReadableStream<Uint8Array>, { framing, now, onBroken }: FetchBodyParts) {
    this.length = framing.kind === "counted" ? framing.length : undefined;
    // HTTP/1.1: a request without framing fields has no body. A body here shows that the request is HTTP/2.
    this.#left = this.length ?? (framing.kind === "absent" ? 0 : Infinity);
    this.wait = new ClientWait(now);
    this.#reader = stream.getReader();
    this.#onBroken = onBroken;
  }

  /** Whether somebody reads the body, and the rest of it has not come. */
  get isPartlyRead(): boolean {
    return this.#hasBegun && !this.#hasEnded;
  }

  tryRead(): null | undefined {
    return this.#hasEnded ? null : undefined;
  }

  /** Throws a {@link ClientGone} if the body breaks off, or a {@link ProxyFault} if it has another length. */
  async read(): Promise<Uint8Array | null> {
    this.#hasBegun = true;
    while (!this.#hasEnded) {
      const piece = await this.#next();
      if (piece === null) {
        this.#hasEnded = true;
        if (this.length !== undefined && this.#left > 0) throw this.#broken(lengthFault());
      } else {
        this.#left -= piece.length;
        if (this.#left < 0) throw this.#broken(lengthFault());
        if (piece.length > 0) return piece;
      }
    }
    return null;
  }

  async #next(): Promise<Uint8Array | null> {
    try {
      const { value } = await this.wait.for(this.#reader.read());
      return value ?? null;
    } catch (error) {
      // The runtime does not tell a client that left from one that sent a malformed chunk.
      throw this.#broken(
        error instanceof ProxyFault ? error : new ClientGone("the client left within its upload"),
      );
    }
  }

  #broken(error: ClientGone | ProxyFault): ClientGone | ProxyFault {
    this.#onBroken(error);
    return error;
  }

  cancel(): void {
    // The stream may have failed, and then it cannot be cancelled.
    this.#reader.cancel().catch(() => {});
  }
}

function lengthFault(): ProxyFault {
  return new ProxyFault("bad_request", "The request's body does not have the length that its head states.");
}
