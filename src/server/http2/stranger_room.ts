/** So many requests of a client that has shown no token run on a connection at the same time; the others wait. */
const MOST_RUNNING = 16;
/** A connection that was given so many bytes of answers that its client has not taken is closed. */
const MOST_UNTAKEN_BYTES = 512 * 1024;

/** A request that waits. */
export interface Waiting {
  /** Resolves when it may begin, and {@link StrangerRoom.ended} has to follow; with false where it may not. */
  readonly isLetIn: Promise<boolean>;
  /** It does not wait any longer, and does not begin. */
  readonly leave: () => void;
}

/**
 * Lets the requests of one connection in, as long as its client has shown no token. The server reads an answer at once,
 * whether or not the client takes it: a client that takes nothing would have one in memory for each of its streams.
 * Only requests that cannot keep the proxy waiting may enter: others would hold up the requests behind them.
 */
export class StrangerRoom {
  #running = 0;
  #isKnown = false;
  #isClosed = false;
  #untakenBytes = 0;
  /** Written, and not yet known to be taken. */
  #lastBytes = 0;
  #waiting: ((isLetIn: boolean) => void)[] = [];

  /** Bytes of answers that the client has not taken, as far as that can be seen. */
  get untakenBytes(): number {
    return this.#untakenBytes;
  }

  /** Undefined: a request may begin at once, and {@link ended} has to follow. Else the place in which it waits. */
  enter(): Waiting | undefined {
    // The server may still bring requests that it had read before.
    if (this.#isClosed) return { isLetIn: Promise.resolve(false), leave() {} };
    if (this.#hasRoom) {
      this.#running++;
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.push(resolve);
    const leave = (): void => {
      const isWaiting = this.#waiting.includes(resolve);
      this.#waiting = this.#waiting.filter((one) => one !== resolve);
      // It had been let in by then, and will not begin.
      if (!isWaiting && !this.#isClosed) this.ended();
    };
    return { isLetIn: promise, leave };
  }

  /** A request that had entered was answered. */
  ended(): void {
    this.#running--;
    this.#letIn();
  }

  /** So many bytes of an answer were given to the server at once. */
  given(wholeBytes: number): void {
    this.#untakenBytes += wholeBytes;
  }

  /** So many bytes of any kind are about to be written to the client: it has taken those before. */
  writing(bytes: number): void {
    this.#untakenBytes = Math.max(0, this.#untakenBytes - this.#lastBytes);
    this.#lastBytes = bytes;
  }

  /** The client has shown a token: nobody waits any longer. */
  open(): void {
    this.#isKnown = true;
    this.#letIn();
  }

  /** The connection has ended: what waits does not begin. */
  close(): void {
    this.#isClosed = true;
    for (const resolve of this.#waiting.splice(0)) resolve(false);
  }

  /**
   * The client takes far less than it asks for. Answers that were cancelled count too, since nobody can tell: so the
   * connection is closed, and nothing waits for them.
   */
  get owesTooMuch(): boolean {
    return !this.#isKnown && this.#untakenBytes > MOST_UNTAKEN_BYTES;
  }

  get #hasRoom(): boolean {
    return this.#isKnown || this.#running < MOST_RUNNING;
  }

  #letIn(): void {
    while (this.#hasRoom) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#running++;
      next(true);
    }
  }
}
