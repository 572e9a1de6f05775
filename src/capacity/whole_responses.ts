/** The memory and the turns of responses that the proxy holds whole: lists that it filters or merges. */

import { ProxyFault } from "../faults.ts";
import type { MessageBody } from "../streams/byte_source.ts";
import { bodyOf } from "../streams/bytes.ts";
import type { HeldBytes, HeldShare } from "./held_bytes.ts";

/** `retry-after` of a rejected request, in seconds. Clients take most responses within this time. */
const RETRY_AFTER_SECONDS = 2;

/**
 * The responses that the proxy reads whole, or makes in memory. They take their memory from that of request
 * bodies, by the same shares of clients. The proxy works on one response of a client at a time.
 */
export class WholeResponses {
  readonly #memory: HeldBytes;
  /** The end of the last work of each holder. */
  readonly #lastWork = new Map<string, Promise<void>>();

  constructor(memory: HeldBytes) {
    this.#memory = memory;
  }

  /** A response of a holder, without any memory yet. */
  begin(holder: string): WholeResponse {
    return new WholeResponse(this.#memory.share(holder, { mayBeSlow: true }), (work) => {
      const before = this.#lastWork.get(holder) ?? Promise.resolve();
      const result = before.then(work);
      const end = result.then(() => {}, () => {}).finally(() => {
        if (this.#lastWork.get(holder) === end) this.#lastWork.delete(holder);
      });
      this.#lastWork.set(holder, end);
      return result;
    });
  }
}

/** The memory of one response. It counts until the client has taken the response, or has left. */
export class WholeResponse {
  readonly #share: HeldShare;
  /** Runs work after all earlier work for the same client. Rejects as the work does. */
  readonly inTurn: <Result>(work: () => Promise<Result>) => Promise<Result>;

  constructor(share: HeldShare, inTurn: WholeResponse["inTurn"]) {
    this.#share = share;
    this.inTurn = inTurn;
  }

  /** Sets how many bytes the response takes. Throws `overloaded` if the client may not hold so many. */
  hold(bytes: number): void {
    if (this.#share.tryHold(bytes)) return;
    throw new ProxyFault(
      "overloaded",
      "The proxy must hold this list in memory, and the memory is full. Read earlier responses to their end, or try " +
        "again in a moment.",
      { retryAfterSeconds: RETRY_AFTER_SECONDS },
    );
  }

  /** Releases the memory. */
  release(): void {
    this.#share.release();
  }

  /**
   * The response as a body, which releases the memory when the client has taken it or has left. `onEnd` gets
   * which of the two it was, once.
   */
  body(bytes: Uint8Array, onEnd: (how: "complete" | "client_gone") => void): MessageBody {
    const body = bodyOf(bytes);
    let hasEnded = false;
    const end = (how: "complete" | "client_gone"): void => {
      if (hasEnded) return;
      hasEnded = true;
      this.release();
      onEnd(how);
    };
    return {
      length: body.length,
      tryRead() {
        // The next read follows when the client has taken the bytes.
        const piece = body.tryRead();
        if (piece === null) end("complete");
        return piece;
      },
      readable: () => body.readable(),
      cancel: () => end("client_gone"),
    };
  }
}
