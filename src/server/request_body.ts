import type { MessageBody } from "../streams/byte_source.ts";
import type { FramedBody } from "../http/body.ts";
import { StallTimer } from "./stall_timer.ts";

/** The calls of a {@link RequestBody} to its connection. */
export interface RequestBodyHooks {
  /**
   * Called before the first wait for the client. `undefined` if the client does not wait for `100 Continue`.
   */
  readonly onWanted: (() => Promise<void>) | undefined;
  /** Called after the reader has read the last byte. */
  readonly onEnd: () => void;
  /** Called when the body breaks off or breaks the rules of HTTP. */
  readonly onBroken: (error: unknown) => void;
  /** Returns milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** The body of a request, which is read from its connection. */
export class RequestBody implements MessageBody {
  readonly length: number | undefined;
  /** Measures how long the proxy waits for the client to send more of the body. */
  readonly stall: StallTimer;
  readonly #body: FramedBody;
  readonly #hooks: RequestBodyHooks;
  #started = false;
  #wanted = false;
  #endSeen = false;
  #failure: { readonly error: unknown } | undefined;
  /**
   * When the reader began to wait for the next bytes of the body. Bytes of the framing do not end that wait.
   */
  #stalledSince: number | undefined;
  #waiting: Promise<void> | undefined;
  #wake: () => void = () => {};

  constructor(body: FramedBody, length: number | undefined, hooks: RequestBodyHooks) {
    this.#body = body;
    this.length = length;
    this.#hooks = hooks;
    this.stall = new StallTimer(hooks.now);
  }

  /** Whether a reader has begun to read the body. */
  get isStarted(): boolean {
    return this.#started;
  }

  /** Whether a reader has read the last byte. */
  get hasEnded(): boolean {
    return this.#endSeen;
  }

  /**
   * Skips the bytes of a body that have arrived, if no reader has begun to read it. Returns whether the body
   * is complete, so that another request can follow.
   */
  skipUnread(): boolean {
    if (this.#started) return this.#body.ended;
    try {
      while (this.#body.tryRead() instanceof Uint8Array) { /* the next piece */ }
    } catch {
      return false; // the body breaks the rules, and the client already has the response
    }
    return this.#body.ended;
  }

  tryRead(): Uint8Array | null | undefined {
    this.#started = true;
    try {
      if (this.#failure !== undefined) throw this.#failure.error;
      const piece = this.#body.tryRead();
      if (piece !== undefined) this.#stalledSince = undefined;
      if (piece === null && !this.#endSeen) {
        this.#endSeen = true;
        this.#hooks.onEnd();
      }
      return piece;
    } catch (error) {
      this.#hooks.onBroken(error);
      throw error;
    }
  }

  readable(): Promise<void> {
    const { onWanted } = this.#hooks;
    if (onWanted !== undefined && !this.#wanted) {
      this.#wanted = true;
      return onWanted().catch((error) => this.reject(error));
    }
    return this.#waiting ??= this.#wait();
  }

  /**
   * Ends the body with an error for its reader. A reader that waits continues with the error. Only the first
   * error counts.
   */
  reject(error: unknown): void {
    this.#failure ??= { error };
    this.#wake();
  }

  /**
   * Does nothing. The connection decides by the unread rest of the body whether another request can follow.
   */
  cancel(): void {}

  #wait(): Promise<void> {
    this.stall.begin(this.#stalledSince ??= this.#hooks.now());
    return new Promise((resolve) => {
      const wake = this.#wake = () => {
        this.#waiting = undefined;
        this.stall.end();
        resolve();
      };
      void this.#body.readable().then(wake);
    });
  }
}
