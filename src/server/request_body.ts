import type { MessageBody } from "../streams/byte_source.ts";
import type { FramedBody } from "../http/body.ts";
import { ClientWait } from "./client_wait.ts";

/** What the connection has to know of a request's body. */
export interface RequestBodyHooks {
  /** Before the first byte is waited for: the client may want to be told to go on. */
  readonly onWanted: () => Promise<void>;
  /** The last byte was taken. */
  readonly onEnd: () => void;
  /** The body broke off or breaks the rules. */
  readonly onBroken: (error: unknown) => void;
  /** Milliseconds of a clock that never jumps. */
  readonly now: () => number;
}

/** A request's body as it comes off its connection. */
export class RequestBody implements MessageBody {
  readonly length: number | undefined;
  readonly #body: FramedBody;
  readonly #hooks: RequestBodyHooks;
  #started = false;
  #wanted = false;
  #endSeen = false;
  /** For the client to go on. */
  readonly wait: ClientWait;

  constructor(body: FramedBody, length: number | undefined, hooks: RequestBodyHooks) {
    this.#body = body;
    this.length = length;
    this.#hooks = hooks;
    this.wait = new ClientWait(hooks.now);
  }

  /** Whether somebody has begun to read it. */
  get isStarted(): boolean {
    return this.#started;
  }

  /**
   * Whether all of it has come, so that the connection can go on. A body that nobody began to read is passed over
   * as far as it has come; one that is being forwarded is left to its reader.
   */
  passOver(): boolean {
    if (this.#started) return this.#body.ended;
    try {
      while (this.#body.tryRead() instanceof Uint8Array) { /* nobody wants it */ }
    } catch {
      return false; // it breaks the rules, which is no news by now
    }
    return this.#body.ended;
  }

  tryRead(): Uint8Array | null | undefined {
    this.#started = true;
    try {
      return this.#seen(this.#body.tryRead());
    } catch (error) {
      this.#hooks.onBroken(error);
      throw error;
    }
  }

  async read(): Promise<Uint8Array | null> {
    const atHand = this.tryRead();
    if (atHand !== undefined) return atHand;
    try {
      if (!this.#wanted) {
        this.#wanted = true;
        await this.#hooks.onWanted();
      }
      return this.#seen(await this.wait.for(this.#body.read()));
    } catch (error) {
      this.#hooks.onBroken(error);
      throw error;
    }
  }

  /** What is left unread decides whether the connection can be used again. */
  cancel(): void {}

  #seen<Piece extends Uint8Array | null | undefined>(piece: Piece): Piece {
    if (piece === null && !this.#endSeen) {
      this.#endSeen = true;
      this.#hooks.onEnd();
    }
    return piece;
  }
}
